"""What devices get: the app's payload, and the `pusher` metadata that client SDKs need.

Without it the official web SDK ignores a push, and no SDK can acknowledge one.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from heliograph.gateways import fcm_schema
from heliograph.gateways.base import Message
from heliograph.gateways.fcm_legacy import to_v1
from heliograph.gateways.webpush import topic_header
from heliograph.model.device import Platform
from heliograph.model.errors import Invalid
from heliograph.model.ids import InstanceId, PublishId
from heliograph.model.limits import (
    MAX_APNS_PAYLOAD_BYTES,
    MAX_TIME_TO_LIVE_S,
    MAX_VOIP_PAYLOAD_BYTES,
    MAX_WEB_PAYLOAD_BYTES,
)
from heliograph.model.publish import Payload

_LONGEST = timedelta(seconds=MAX_TIME_TO_LIVE_S)
_OPEN_TRACKING = "com.pusher.pushnotifications.OPEN_TRACKING"
"""The intent action of the official Android SDK that reports an open, then starts the app."""
_TRACKED_TYPES = frozenset({"alert", "background"})


def message_for(
    platform: Platform,
    payload: Payload,
    instance_id: InstanceId,
    publish_id: PublishId,
    *,
    accepted_at: datetime,
) -> Message:
    """What the platform's devices get of a publish that was accepted then.

    Raises Invalid if the platform can't take it: too large, or not what its gateway knows.
    """
    ids = {"instanceId": instance_id, "publishId": publish_id}
    match platform:
        case Platform.APNS:
            return _apns_message(payload, ids, accepted_at)
        case Platform.FCM:
            return _fcm_message(payload, ids, accepted_at)
        case Platform.WEB:
            return _web_message(payload, ids, accepted_at)


def is_tracked(platform: Platform, payload: Payload) -> bool:
    """Whether an official SDK reports that such a message arrived."""
    return platform is not Platform.APNS or _wakes_the_app(payload)


_FOR_THE_PUSH_SERVICE = frozenset({"time_to_live", "urgency", "topic"})


def _web_message(payload: Payload, ids: Mapping[str, str], accepted_at: datetime) -> Message:
    data = payload.get("data", {})
    pusher = {
        **ids,
        "hasDisplayableContent": "notification" in payload,
        "hasData": bool(data),
    }
    rest = {key: value for key, value in payload.items() if key not in _FOR_THE_PUSH_SERVICE}
    headers = {}
    if "urgency" in payload:
        headers["Urgency"] = payload["urgency"]
    if "topic" in payload:
        headers["Topic"] = topic_header(payload["topic"])
    body = _encoded({**rest, "data": {**data, "pusher": pusher}})
    _check_size(body, Platform.WEB, "Web Push", MAX_WEB_PAYLOAD_BYTES)
    time_to_live = timedelta(seconds=payload.get("time_to_live", MAX_TIME_TO_LIVE_S))
    return Message(body=body, headers=headers, expires_at=accepted_at + time_to_live)


_FOR_APNS = frozenset({"collapse_id", "expiration", "priority", "pusher"})


def _apns_message(payload: Payload, ids: Mapping[str, str], accepted_at: datetime) -> Message:
    wishes = payload.get("pusher", {})
    aps, pusher = dict(payload.get("aps", {})), dict[str, Any](ids)
    push_type = _push_type(payload)
    if _wakes_the_app(payload) and "content-available" not in aps:
        # It wakes the app, which then reports the arrival; the app need not heed it otherwise.
        aps["content-available"] = 1
        pusher["userShouldIgnore"] = True
    if push_type == "background" and "content-available" not in aps:
        # Apple takes no background push that does not wake the app.
        push_type = "alert"
    rest = {key: value for key, value in payload.items() if key not in _FOR_APNS}
    data = {**payload.get("data", {}), "pusher": pusher}
    body = _encoded({**rest, "aps": aps, "data": data})
    is_voip = push_type == "voip"
    limit = MAX_VOIP_PAYLOAD_BYTES if is_voip else MAX_APNS_PAYLOAD_BYTES
    _check_size(body, Platform.APNS, "APNs", limit)
    expires_at = accepted_at + _LONGEST
    if "expiration" in payload:
        # 0 means once or never.
        wanted = datetime.fromtimestamp(payload["expiration"], UTC)
        expires_at = max(min(expires_at, wanted), accepted_at)
    headers = _apns_headers(payload, push_type, wishes.get("topic"))
    return Message(body=body, headers=headers, expires_at=expires_at)


def _push_type(payload: Payload) -> str:
    is_shown = any(key in payload.get("aps", {}) for key in ("alert", "badge", "sound"))
    wanted: str = payload.get("pusher", {}).get("push_type", "alert" if is_shown else "background")
    return wanted


def _wakes_the_app(payload: Payload) -> bool:
    is_disabled = payload.get("pusher", {}).get("disable_delivery_tracking", False)
    return _push_type(payload) in _TRACKED_TYPES and not is_disabled


def _apns_headers(payload: Payload, push_type: str, topic: str | None) -> dict[str, str]:
    # Apple refuses a background push of priority 10.
    priority = 5 if push_type == "background" else payload.get("priority", 10)
    headers = {"apns-push-type": push_type, "apns-priority": str(priority)}
    if "expiration" in payload:
        headers["apns-expiration"] = str(int(payload["expiration"]))
    if "collapse_id" in payload:
        headers["apns-collapse-id"] = payload["collapse_id"]
    if topic is not None:
        headers["apns-topic"] = topic
    return headers


def _fcm_message(payload: Payload, ids: Mapping[str, str], accepted_at: datetime) -> Message:
    message, validate_only = to_v1(payload)
    data, android_data = message.get("data", {}), message.get("android", {}).get("data")
    for path, given in (("data", data), ("android.data", android_data or {})):
        if "pusher" in given:
            raise Invalid(f"fcm.{path}.pusher", "this key is reserved")
    pusher: dict[str, Any] = dict(ids)
    if "notification" in message:
        pusher["hasDisplayableContent"] = True
        shown = message.setdefault("android", {}).setdefault("notification", {})
        if "click_action" in shown:
            pusher["clickAction"] = shown["click_action"]
        shown["click_action"] = _OPEN_TRACKING
    if data if android_data is None else android_data:
        pusher["hasData"] = True
    own = {"pusher": _encoded(pusher).decode()}
    message["data"] = {**data, **own}
    if android_data is not None:
        # For Android it takes the place of data.
        message["android"]["data"] = {**android_data, **own}
    fcm_schema.check(message)
    time_to_live = message.get("android", {}).get("ttl")
    expires_at = accepted_at + (_LONGEST if time_to_live is None else _duration(time_to_live))
    envelope = {"validate_only": True} if validate_only else {}
    return Message(
        body=_encoded({**envelope, "message": message}), headers={}, expires_at=expires_at
    )


def _duration(text: str) -> timedelta:
    """A duration as Google writes it: `3.5s`."""
    return timedelta(seconds=float(text.removesuffix("s")))


def _check_size(body: bytes, platform: Platform, gateway: str, limit: int) -> None:
    if len(body) > limit:
        over = len(body) - limit
        reason = f"is {over} bytes too large: {gateway} takes {limit}, metadata included"
        raise Invalid(platform, reason)


def _encoded(value: Any) -> bytes:
    return msgspec.json.encode(value)
