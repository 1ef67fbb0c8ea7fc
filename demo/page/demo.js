// The five steps of Authenticated Users, as an app's page takes them with the official Beams SDK.
// view.js shows `state`; faults.js finds words for what goes wrong.

import { DENIED, DISMISSED, Fault, UNSUPPORTED, ofApp, ofSdk } from "./faults.js";
import * as view from "./view.js";

const { heliographUrl, instanceId, users } = self.demoConfiguration;
const { Client, TokenProvider } = self.PusherPushNotifications;
const APP_TIMEOUT_MS = 20_000;

const state = {
  sessionUser: null, // who the app's server says we are
  permission: null, // what the browser says of notifications
  registration: null, // the SDK's registration state
  deviceId: null,
  userId: null, // whom Heliograph has tied this device to
  interests: [], // null: unknown
  token: null,
  published: null, // { user, publishId } of the last notification sent from here
  hasLeft: false,
  step: null, // the step that is being taken
  failedStep: null,
  isBusy: true,
};

// What makes this a page of Heliograph and not of Pusher Beams: the endpoint.
const client = newClient({ instanceId, endpointOverride: heliographUrl });

// Step 1.
async function logIn(user) {
  update({ step: "log-in", hasLeft: false });
  view.clearArrived();
  const session = await app("/log-in", { user });
  update({ sessionUser: session.user });
}

// Steps 2 and 3. The permission comes first: browsers ask for it only right after a click.
async function enable() {
  update({ step: "token" });
  const permission = await Notification.requestPermission();
  if (permission !== "granted") {
    throw new Fault(permission === "denied" ? DENIED : DISMISSED);
  }
  await ofSdk(client.start());
  await ofSdk(client.setUserId(state.sessionUser, newTokenProvider()));
}

// Step 4. In a real app something happens on the server; here you write what is sent.
async function notify({ user, title, body }) {
  update({ step: "publish" });
  const { publishId } = await app("/notify", { user, title, body });
  update({ published: { user, publishId } });
}

// Step 5. First the device, then the session: who has left gets nothing here any more.
async function logOut() {
  update({ step: "log-out" });
  await ofSdk(client?.stop());
  update({ token: null, published: null });
  const session = await app("/log-out", {});
  update({ sessionUser: session.user, hasLeft: true });
}

// A session can also end without step 5, when the cookie expires. Then the device is untied here.
async function untieFromOthers() {
  const tiedUser = await ofSdk(client?.getUserId());
  if (tiedUser && tiedUser !== state.sessionUser) {
    await ofSdk(client.stop());
  }
}

function newClient(options) {
  try {
    return new Client(options);
  } catch {
    return null; // No push in this browser, or not in this window.
  }
}

/** The SDK's token provider, watched, so that the page can show the token. */
function newTokenProvider() {
  const provider = new TokenProvider({ url: "/beams-auth" });
  return {
    async fetchToken(userId) {
      const { token } = await ofApp(provider.fetchToken(userId));
      update({ token, step: "tie" });
      return { token };
    },
  };
}

/** Ask the app's server: POST with a body, else GET. */
async function app(path, body) {
  const signal = AbortSignal.timeout(APP_TIMEOUT_MS);
  const headers = { "Content-Type": "application/json" };
  const post = body && { method: "POST", headers, body: JSON.stringify(body) };
  const response = await ofApp(fetch(path, { ...post, signal }));
  const answer = await ofApp(response.json());
  if (!response.ok) {
    throw new Fault(answer.description);
  }
  return answer;
}

/** Take a step, with the buttons off meanwhile, and show what is the case after it. */
async function take(step) {
  view.hideFault();
  update({ isBusy: true, failedStep: null });
  for (const part of [step, readSession, untieFromOthers, readDevice]) {
    try {
      await part();
    } catch (error) {
      view.showFault(error);
      update({ failedStep: state.failedStep ?? state.step });
    }
    update({ step: null });
  }
  update({ isBusy: false });
}

/** The step at the start, and whenever something may have changed elsewhere. */
async function lookAround() {
  if (client === null) {
    throw new Fault(UNSUPPORTED);
  }
}

async function readSession() {
  const session = await app("/session");
  update({ sessionUser: session.user });
}

async function readDevice() {
  const permission = globalThis.Notification?.permission ?? null;
  update({ permission, interests: null });
  const registration = (await ofSdk(client?.getRegistrationState())) ?? null;
  const deviceId = (await ofSdk(client?.getDeviceId())) ?? null;
  const userId = (await ofSdk(client?.getUserId())) ?? null;
  update({ registration, deviceId, userId });
  update({ interests: deviceId ? (await ofSdk(client.getDeviceInterests())).interests : [] });
}

function update(changes) {
  Object.assign(state, changes);
  view.show(state);
}

async function watchPermission() {
  const permission = await navigator.permissions?.query({ name: "notifications" });
  permission?.addEventListener("change", takeIfIdle);
}

function takeIfIdle() {
  if (!state.isBusy && document.visibilityState === "visible") {
    take(lookAround);
  }
}

view.prepare({
  users,
  heliographUrl,
  instanceId,
  onLogIn: (user) => take(() => logIn(user)),
  onEnable: () => take(enable),
  onSend: (wish) => take(() => notify(wish)),
  onLogOut: () => take(logOut),
});
navigator.serviceWorker?.addEventListener("message", ({ data }) => {
  if (data.kind === "arrived") {
    view.addArrived(data);
  }
});
document.addEventListener("visibilitychange", takeIfIdle);
watchPermission();
take(lookAround);
