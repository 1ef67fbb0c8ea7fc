// @pusher/push-notifications-web 2.1.0, MIT license, joined from src/
function doRequest({
  method,
  path,
  params = {},
  body = null,
  headers = {},
  credentials = 'same-origin',
}) {
  const options = {
    method,
    headers,
    credentials,
  };

  if (!emptyParams(params)) {
    // check for empty params obj
    path += '?';
    path += Object.entries(params)
      .filter((x) => x[1])
      .map((pair) => pair.map((x) => encodeURIComponent(x)).join('='))
      .join('&');
  }

  if (body !== null) {
    options.body = JSON.stringify(body);
    options.headers = { 'Content-Type': 'application/json', ...headers };
  }

  return fetch(path, options).then(async (response) => {
    if (!response.ok) {
      await handleError(response);
    }

    try {
      return await response.json();
    } catch (_) {
      return null;
    }
  });
}

function emptyParams(params) {
  for (let i in params) return false;
  return true;
}

async function handleError(response) {
  let errorMessage;
  try {
    const { error = 'Unknown error', description = 'No description' } =
      await response.json();
    errorMessage = `Unexpected status code ${
      response.status
    }: ${error}, ${description}`;
  } catch (_) {
    errorMessage = `Unexpected status code ${
      response.status
    }: Cannot parse error response`;
  }

  throw new Error(errorMessage);
}
class DeviceStateStore {
  constructor(instanceId) {
    this._instanceId = instanceId;
    this._dbConn = null;
  }

  get _dbName() {
    return `beams-${this._instanceId}`;
  }

  get isConnected() {
    return this._dbConn !== null;
  }

  connect() {
    return new Promise((resolve, reject) => {
      const request = indexedDB.open(this._dbName);

      request.onsuccess = (event) => {
        const db = event.target.result;
        this._dbConn = db;

        this._readState()
          .then((state) => (state === null ? this.clear() : Promise.resolve()))
          .then(resolve);
      };

      request.onupgradeneeded = (event) => {
        const db = event.target.result;
        db.createObjectStore('beams', {
          keyPath: 'instance_id',
        });
      };

      request.onerror = (event) => {
        const error = new Error(`Database error: ${event.target.error}`);
        reject(error);
      };
    });
  }

  clear() {
    return this._writeState({
      instance_id: this._instanceId,
      device_id: null,
      token: null,
      user_id: null,
    });
  }

  _readState() {
    if (!this.isConnected) {
      throw new Error(
        'Cannot read value: DeviceStateStore not connected to IndexedDB'
      );
    }

    return new Promise((resolve, reject) => {
      const request = this._dbConn
        .transaction('beams')
        .objectStore('beams')
        .get(this._instanceId);

      request.onsuccess = (event) => {
        const state = event.target.result;
        if (!state) {
          resolve(null);
        }
        resolve(state);
      };

      request.onerror = (event) => {
        reject(event.target.error);
      };
    });
  }

  async _readProperty(name) {
    const state = await this._readState();
    if (state === null) {
      return null;
    }
    return state[name] || null;
  }

  _writeState(state) {
    if (!this.isConnected) {
      throw new Error(
        'Cannot write value: DeviceStateStore not connected to IndexedDB'
      );
    }

    return new Promise((resolve, reject) => {
      const request = this._dbConn
        .transaction('beams', 'readwrite')
        .objectStore('beams')
        .put(state);

      request.onsuccess = (_) => {
        resolve();
      };

      request.onerror = (event) => {
        reject(event.target.error);
      };
    });
  }

  async _writeProperty(name, value) {
    const state = await this._readState();
    state[name] = value;
    await this._writeState(state);
  }

  getToken() {
    return this._readProperty('token');
  }

  setToken(token) {
    return this._writeProperty('token', token);
  }

  getDeviceId() {
    return this._readProperty('device_id');
  }

  setDeviceId(deviceId) {
    return this._writeProperty('device_id', deviceId);
  }

  getUserId() {
    return this._readProperty('user_id');
  }

  setUserId(userId) {
    return this._writeProperty('user_id', userId);
  }

  getLastSeenSdkVersion() {
    return this._readProperty('last_seen_sdk_version');
  }

  setLastSeenSdkVersion(sdkVersion) {
    return this._writeProperty('last_seen_sdk_version', sdkVersion);
  }

  getLastSeenUserAgent() {
    return this._readProperty('last_seen_user_agent');
  }

  setLastSeenUserAgent(userAgent) {
    return this._writeProperty('last_seen_user_agent', userAgent);
  }
}
/* eslint-env serviceworker */

self.PusherPushNotifications = {
  endpointOverride: null,
  onNotificationReceived: null,

  _endpoint: (instanceId) =>
    self.PusherPushNotifications.endpointOverride
      ? self.PusherPushNotifications.endpointOverride
      : `https://${instanceId}.pushnotifications.pusher.com`,

  _getVisibleClient: () =>
    self.clients
      .matchAll({
        type: 'window',
        includeUncontrolled: true,
      })
      .then((clients) => clients.find((c) => c.visibilityState === 'visible')),

  _hasVisibleClient: () =>
    self.PusherPushNotifications._getVisibleClient().then(
      (client) => client !== undefined
    ),

  _getFocusedClient: () =>
    self.clients
      .matchAll({
        type: 'window',
        includeUncontrolled: true,
      })
      .then((clients) => clients.find((c) => c.focused === true)),

  _hasFocusedClient: () =>
    self.PusherPushNotifications._getFocusedClient().then(
      (client) => client !== undefined
    ),

  _getState: async (pusherMetadata) => {
    const { instanceId, publishId, hasDisplayableContent, hasData } =
      pusherMetadata;
    if (!instanceId || !publishId) {
      // Can't report this notification, fail silently.
      return;
    }

    const deviceStateStore = new DeviceStateStore(instanceId);
    await deviceStateStore.connect();

    const deviceId = await deviceStateStore.getDeviceId();
    const userId = (await deviceStateStore.getUserId()) || null;

    const appInBackground =
      !(await self.PusherPushNotifications._hasVisibleClient());

    return {
      instanceId,
      publishId,
      deviceId,
      userId,
      appInBackground,
      hasDisplayableContent,
      hasData,
    };
  },

  reportEvent: async ({ eventType, state }) => {
    const path = `${self.PusherPushNotifications._endpoint(
      state.instanceId
    )}/reporting_api/v2/instances/${state.instanceId}/events`;

    const options = {
      method: 'POST',
      path,
      body: {
        publishId: state.publishId,
        event: eventType,
        deviceId: state.deviceId,
        userId: state.userId,
        timestampSecs: Math.floor(Date.now() / 1000),
        appInBackground: state.appInBackground,
        hasDisplayableContent: state.hasDisplayableContent,
        hasData: state.hasData,
      },
    };

    try {
      await doRequest(options);
    } catch (_) {
      // Reporting is best effort, so we do nothing.
    }
  },
};

self.addEventListener('push', (e) => {
  let payload;
  try {
    payload = e.data.json();
  } catch (_) {
    return; // Not a pusher notification
  }

  if (!payload.data || !payload.data.pusher) {
    return; // Not a pusher notification
  }

  const statePromise = self.PusherPushNotifications._getState(
    payload.data.pusher
  );

  statePromise.then((state) => {
    // Report analytics event, best effort
    self.PusherPushNotifications.reportEvent({
      eventType: 'delivery',
      state,
    });
  });

  const customerPayload = { ...payload };
  const customerData = {};
  Object.keys(customerPayload.data || {}).forEach((key) => {
    if (key !== 'pusher') {
      customerData[key] = customerPayload.data[key];
    }
  });
  customerPayload.data = customerData;

  const pusherMetadata = payload.data.pusher;

  const handleNotification = async (payloadFromCallback) => {
    const hideNotificationIfSiteHasFocus =
      payloadFromCallback.notification.hide_notification_if_site_has_focus ===
      true;
    if (
      hideNotificationIfSiteHasFocus &&
      (await self.PusherPushNotifications._hasFocusedClient())
    ) {
      return;
    }

    const title = payloadFromCallback.notification.title || '';
    const body = payloadFromCallback.notification.body || '';
    const icon = payloadFromCallback.notification.icon;

    const options = {
      body,
      icon,
      data: {
        pusher: {
          customerPayload: payloadFromCallback,
          pusherMetadata,
        },
      },
    };

    return self.registration.showNotification(title, options);
  };

  if (self.PusherPushNotifications.onNotificationReceived) {
    self.PusherPushNotifications.onNotificationReceived({
      payload: customerPayload,
      pushEvent: e,
      handleNotification,
      statePromise,
    });
  } else {
    e.waitUntil(handleNotification(customerPayload));
  }
});

self.addEventListener('notificationclick', (e) => {
  const { pusher } = e.notification.data;

  const isPusherNotification = pusher !== undefined;
  if (isPusherNotification) {
    const statePromise = self.PusherPushNotifications._getState(
      pusher.pusherMetadata
    );

    // Report analytics event, best effort
    statePromise.then((state) => {
      self.PusherPushNotifications.reportEvent({
        eventType: 'open',
        state,
      });
    });

    const deepLink = pusher.customerPayload.notification.deep_link;
    if (deepLink) {
      // if the deep link is already opened, focus the existing window, else open a new window
      const promise = clients
        .matchAll({ includeUncontrolled: true })
        .then((windowClients) => {
          const existingWindow = windowClients.find(
            (windowClient) => windowClient.url === deepLink
          );
          if (existingWindow) {
            return existingWindow.focus();
          } else {
            return clients.openWindow(deepLink);
          }
        });
      e.waitUntil(promise);
    }
    e.notification.close();
  }
});
