"""What the Android SDK does with a message of FCM: reports go out by themselves, not in the queue.

They are work for Android's WorkManager: one for each publish and kind, tried again only after what
is the server's fault.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from tests.peers.phone_jobs import Storage
from tests.peers.phone_wire import Wire

OPEN_TRACKING = "com.pusher.pushnotifications.OPEN_TRACKING"
LAUNCHER = "the launcher activity"


class AndroidReports:
    """The reports of one app's device."""

    def __init__(self, wire: Wire, storage: Storage, instance_id: str, base: str) -> None:
        self._wire = wire
        self._storage = storage
        self._instance_id = instance_id
        self._path = f"{base}instances/{instance_id}/events"

    def receive(self, message: Mapping[str, Any]) -> None:
        """A message arrives while the app is in the background."""
        pusher = self._pusher_of(message)
        flags = {key: pusher.get(key) for key in ("hasDisplayableContent", "hasData")}
        self._report("Delivery", pusher, {"appInBackground": True, **flags})

    def tap(self, message: Mapping[str, Any]) -> str:
        """Its notification is tapped; what opens then is the answer."""
        action = message["android"]["notification"]["click_action"]
        if action != OPEN_TRACKING:
            return str(action)
        pusher = self._pusher_of(message)
        self._report("Open", pusher, {})
        return str(pusher.get("clickAction", LAUNCHER))

    def _pusher_of(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON text among the message's data, if it is of this instance."""
        pusher = json.loads(message.get("data", {}).get("pusher", "{}"))
        return dict(pusher) if pusher.get("instanceId") == self._instance_id else {}

    def _report(self, kind: str, pusher: Mapping[str, Any], extra: Mapping[str, object]) -> None:
        publish_id = pusher.get("publishId")
        if publish_id is None or (publish_id, kind) in self._storage.reported:
            return
        self._storage.reported.add((publish_id, kind))
        event = {
            "event": kind,
            "instanceId": self._instance_id,
            "deviceId": self._storage.device_id,
            "userId": self._storage.user_id,
            "publishId": publish_id,
            "timestampSecs": int(time.time()),
            **extra,
        }
        said = {key: value for key, value in event.items() if value is not None}
        self._wire.send_until(lambda reply: reply.status < 500, "POST", self._path, json=said)
