// What can go wrong in the page, in words that say what to do.

const { heliographUrl } = self.demoConfiguration;
const SDK_TIMEOUT_MS = 30_000;

export const UNSUPPORTED =
  "This browser has no push notifications here. Use a current Firefox, Chrome, Edge or Safari, " +
  "not a private window, and open the page as http://localhost.";
export const DENIED =
  "You have told this browser not to show notifications of this page. Allow them in the site’s " +
  "settings, left of the address, then press the button again.";
export const DISMISSED =
  "Without your permission there are no notifications. Press the button again and choose “Allow”.";

const HELIOGRAPH_AWAY =
  `Heliograph at ${heliographUrl} doesn’t answer. Is it running? “make run” starts it; ` +
  "then try again.";
const APP_AWAY = "The app’s own server doesn’t answer. Is it running? “make run” starts it.";
const NO_PUSH_SERVICE =
  "The browser could not reach its push service. It needs the internet for that, and some " +
  "browsers have it switched off in their settings.";
const OLD_SUBSCRIPTION =
  "The browser was still letting go of an older subscription. Press the button again.";
const DEVICE_UNKNOWN =
  "Heliograph no longer knows this device: its user was deleted, or its data are new. " +
  "Log out, then enable notifications again.";
const SDK_SLOW =
  "The browser has not finished within 30 seconds. Reload the page and try again; if that " +
  "doesn’t help, look into the browser’s console.";

/** Something went wrong; the message is for people. */
export class Fault extends Error {}

/** Wait for the app's server, or throw a Fault. */
export async function ofApp(promise) {
  try {
    return await promise;
  } catch (error) {
    const { reason } = refusalIn(error);
    throw new Fault(reason ?? APP_AWAY, { cause: error });
  }
}

/** Wait for the SDK, not for ever, or throw a Fault. */
export async function ofSdk(promise) {
  try {
    return await within(SDK_TIMEOUT_MS, promise);
  } catch (error) {
    throw error instanceof Fault ? error : new Fault(wordsFor(error), { cause: error });
  }
}

async function within(timeoutMs, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Fault(SDK_SLOW)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function wordsFor(error) {
  const { status, reason } = refusalIn(error);
  if (status === 404 && reason.includes("evice")) {
    return DEVICE_UNKNOWN;
  }
  if (status !== undefined) {
    return `Heliograph refused it: ${reason}`;
  }
  return WORDS_BY_NAME[error.name] ?? `${error.message || error.name}. Reload the page to try again.`;
}

const WORDS_BY_NAME = {
  TypeError: HELIOGRAPH_AWAY, // what fetch throws without an answer
  NotAllowedError: DENIED,
  AbortError: NO_PUSH_SERVICE,
  InvalidStateError: OLD_SUBSCRIPTION,
};

/** The SDK says it so: "Unexpected status code 404: Not found, Device not found". */
function refusalIn(error) {
  const [, status, title, description] =
    /^Unexpected status code (\d+): ([^,]*)(?:, (.*))?$/s.exec(error.message) ?? [];
  return status ? { status: Number(status), reason: description ?? title } : {};
}
