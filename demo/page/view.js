// The page as people see it: shows the state, passes on what they press. Decides nothing else.

const REGISTRATIONS = {
  PERMISSION_PROMPT_REQUIRED: "not registered, permission not asked for yet",
  PERMISSION_GRANTED_NOT_REGISTERED_WITH_BEAMS: "not registered",
  PERMISSION_GRANTED_REGISTERED_WITH_BEAMS: "registered with Heliograph",
  PERMISSION_DENIED: "not registered, notifications are denied",
};
const PERMISSIONS = { granted: "granted", denied: "denied", default: "not asked for yet" };
const STATES = { todo: "to do", next: "next", active: "under way", done: "done", failed: "failed" };
const STEPS = ["log-in", "token", "tie", "publish", "log-out"];
const NONE = "none";

const byId = (id) => document.getElementById(id);

/** Fill in what never changes and connect the buttons. */
export function prepare({ users, heliographUrl, instanceId, onLogIn, onEnable, onSend, onLogOut }) {
  byId("heliograph-url").textContent = heliographUrl;
  byId("instance-id").textContent = instanceId;
  byId("log-in").append(...users.map((user) => logInButton(user, onLogIn)));
  byId("send-user").append(...users.map((user) => new Option(nameOf(user), user)));
  byId("enable").addEventListener("click", onEnable);
  byId("log-out").addEventListener("click", onLogOut);
  byId("fault-close").addEventListener("click", hideFault);
  byId("send-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const written = (id) => byId(id).value;
    onSend({ user: written("send-user"), title: written("send-title"), body: written("send-body") });
  });
}

export function show(state) {
  showSteps(state);
  showDevice(state);
  const isTied = state.userId !== null && state.userId === state.sessionUser;
  byId("main").setAttribute("aria-busy", String(state.isBusy));
  byId("session-user").textContent = state.sessionUser ? nameOf(state.sessionUser) : "nobody";
  byId("status").textContent = hintFor(state, isTied);
  for (const button of byId("log-in").children) {
    button.disabled = state.isBusy || state.sessionUser !== null;
    button.setAttribute("aria-pressed", String(button.value === state.sessionUser));
  }
  byId("enable").disabled = state.isBusy || state.sessionUser === null || isTied;
  byId("send").disabled = state.isBusy || state.sessionUser === null;
  byId("log-out").disabled = state.isBusy || state.sessionUser === null;
}

/** Say what went wrong. The first fault stays: what follows is often only its echo. */
export function showFault(fault) {
  if (byId("fault").hidden) {
    byId("fault-text").textContent = fault.message;
    byId("fault").hidden = false;
  }
}

export function hideFault() {
  byId("fault").hidden = true;
  byId("fault-text").textContent = "";
}

/** Add a notification on top of the list of what arrived. */
export function addArrived({ payload, publishId }) {
  const { title = "(no title)", body = "" } = payload.notification ?? {};
  const item = document.createElement("li");
  item.dataset.publishId = publishId ?? "";
  const sender = payload.data?.from ? `from ${nameOf(payload.data.from)}, ` : "";
  item.append(
    element("strong", "title", title),
    element("span", "body", body),
    element("small", "when", sender + new Date().toLocaleTimeString()),
    element("small", "id", publishId ?? ""),
  );
  byId("arrived").prepend(item);
  byId("arrived-empty").hidden = true;
}

/** Empty the list of what arrived: it was for the user before. */
export function clearArrived() {
  byId("arrived").replaceChildren();
  byId("arrived-empty").hidden = false;
}

function showSteps(state) {
  const isDone = {
    "log-in": state.sessionUser !== null,
    token: state.userId !== null || state.token !== null,
    tie: state.userId !== null,
    publish: state.published !== null,
    "log-out": state.hasLeft,
  };
  const next = STEPS.find((step) => !isDone[step]);
  for (const step of STEPS) {
    const rest = isDone[step] ? "done" : step === next ? "next" : "todo";
    const now = state.failedStep === step ? "failed" : rest;
    showStep(byId(`step-${step}`), state.step === step ? "active" : now);
  }
  showToken(state.token);
  byId("published").hidden = state.published === null;
  byId("published-user").textContent = state.published ? nameOf(state.published.user) : "";
  byId("publish-id").textContent = state.published?.publishId ?? "";
}

function showStep(item, stepState) {
  item.dataset.state = stepState;
  item.querySelector(".state").textContent = STATES[stepState];
  const isCurrent = stepState === "next" || stepState === "active";
  item.setAttribute("aria-current", isCurrent ? "step" : "false");
}

function showToken(token) {
  byId("token").hidden = token === null;
  byId("token").textContent = token === null ? "" : JSON.stringify(claimsOf(token), null, 2);
}

function claimsOf(token) {
  const base64 = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

function showDevice({ permission, registration, deviceId, userId, interests }) {
  byId("permission").textContent = PERMISSIONS[permission] ?? "not possible in this browser";
  byId("registration-state").textContent = REGISTRATIONS[registration] ?? "unknown";
  byId("registration-state").dataset.state = registration ?? "";
  byId("device-id").textContent = deviceId ?? NONE;
  byId("user-id").textContent = userId ?? NONE;
  byId("interests").textContent = interests === null ? "unknown" : interests.join(", ") || NONE;
}

function hintFor({ isBusy, sessionUser, hasLeft }, isTied) {
  if (isBusy) {
    return "One moment …";
  }
  if (sessionUser === null) {
    return hasLeft ? "Nothing arrives here any more. Log in again as you like." : "Who are you?";
  }
  const name = nameOf(sessionUser);
  return isTied
    ? `What is sent to ${name} arrives in this browser. Send something.`
    : `Hello ${name}. Enable notifications, so that they find you here.`;
}

function logInButton(user, onLogIn) {
  const button = element("button", "person", nameOf(user));
  Object.assign(button, { type: "button", id: `log-in-${user}`, value: user });
  button.addEventListener("click", () => onLogIn(user));
  return button;
}

function element(name, className, text) {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

function nameOf(user) {
  return user.charAt(0).toUpperCase() + user.slice(1);
}
