// The official worker shows notifications; this one also tells the open pages what arrived.

importScripts("/configuration.js", "/vendor/service-worker.js");

// Reports of deliveries and opens go to Heliograph.
self.PusherPushNotifications.endpointOverride = self.demoConfiguration.heliographUrl;

self.PusherPushNotifications.onNotificationReceived = ({
  payload,
  pushEvent,
  handleNotification,
  statePromise,
}) => {
  const shown = payload.notification ? handleNotification(payload) : Promise.resolve();
  pushEvent.waitUntil(Promise.all([tellPages(payload, statePromise), shown]));
};

// A new version, say one that knows of another port of Heliograph, doesn't wait for old pages.
self.addEventListener("install", () => self.skipWaiting());

async function tellPages(payload, statePromise) {
  const { publishId } = (await statePromise) ?? {};
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  for (const page of pages) {
    page.postMessage({ kind: "arrived", payload, publishId });
  }
}
