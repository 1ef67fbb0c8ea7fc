"""From the legacy FCM body, which Beams takes as `fcm`, to a message of FCM HTTP v1.

Firebase: "Firebase Cloud Messaging HTTP protocol" (legacy) and "Migrate from legacy FCM APIs to
HTTP v1". A body may also be shaped as v1 has it, or be a mixture; what is written in v1's words
wins. Unknown legacy keys are left out, as the legacy API ignored them; in v1's own objects they are
left in, for the check of the schema to refuse.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from heliograph.model.errors import Invalid
from heliograph.model.limits import MAX_TIME_TO_LIVE_S

_Object = dict[str, Any]

_V1_BLOCKS = ("android", "android_v2", "apns", "webpush", "fcm_options")
_ANDROID_NOTIFICATION_KEYS = {
    "icon": "icon",
    "sound": "sound",
    "tag": "tag",
    "click_action": "click_action",
    "color": "color",
    "android_channel_id": "channel_id",
    "channel_id": "channel_id",
    "body_loc_key": "body_loc_key",
    "title_loc_key": "title_loc_key",
    "ticker": "ticker",
    "visibility": "visibility",
    "notification_priority": "notification_priority",
    "event_time": "event_time",
    "sticky": "sticky",
    "local_only": "local_only",
    "default_sound": "default_sound",
    "default_vibrate_timings": "default_vibrate_timings",
    "default_light_settings": "default_light_settings",
    "notification_count": "notification_count",
    "vibrate_timings": "vibrate_timings",
    "light_settings": "light_settings",
}
"""Keys of a legacy notification that are Android's alone, and what v1 calls them."""
_TEXTS = frozenset({"icon", "sound", "tag", "click_action", "body_loc_key", "title_loc_key"})


def to_v1(payload: Mapping[str, Any]) -> tuple[_Object, bool]:
    """The message without a target, and whether it is only to be checked, not delivered.

    Raises Invalid for what can't be converted; the result still has to pass the schema's check.
    """
    body = _snake_case(payload)
    if isinstance(body.get("message"), dict):
        validate_only = body.get("validate_only", body.get("dry_run", False))
        body = body["message"]
    else:
        validate_only = body.get("dry_run", body.get("validate_only", False))
    _check(validate_only, bool, "fcm.dry_run", "boolean")
    message: _Object = {}
    _convert_notification(body, message)
    _convert_options(body, message)
    if "data" in body:
        message["data"] = _texts(body["data"], "fcm.data")
    for block in _V1_BLOCKS:
        if block in body:
            _check(body[block], dict, f"fcm.{block}", "object")
            message[block] = _merged(message.get(block, {}), _v1_block(block, body[block]))
    return {key: value for key, value in message.items() if value != {}}, bool(validate_only)


def _convert_notification(body: _Object, message: _Object) -> None:
    notification = body.get("notification", {})
    _check(notification, dict, "fcm.notification", "object")
    shown = {
        key: _scalar_text(notification[key], f"fcm.notification.{key}")
        for key in ("title", "body", "image")
        if key in notification
    }
    android: _Object = {}
    for key, name in _ANDROID_NOTIFICATION_KEYS.items():
        if key in notification:
            value = notification[key]
            field = f"fcm.notification.{key}"
            android[name] = _scalar_text(value, field) if key in _TEXTS else value
    for key in ("body_loc_args", "title_loc_args"):
        if key in notification:
            android[key] = _arguments(notification[key], f"fcm.notification.{key}")
    if shown:
        message["notification"] = shown
    if android:
        message.setdefault("android", {})["notification"] = android


def _convert_options(body: _Object, message: _Object) -> None:
    android = message.setdefault("android", {})
    for key, (name, convert) in _OPTIONS.items():
        if key in body:
            android[name] = convert(body[key])


def _v1_block(block: str, value: _Object) -> _Object:
    """A block in v1's own words, with the freedoms that Google's own examples take."""
    found = dict(value)
    if "data" in found:
        found["data"] = _texts(found["data"], f"fcm.{block}.data")
    if block == "android" and isinstance(found.get("priority"), str):
        found["priority"] = found["priority"].upper()
    return found


def _merged(below: _Object, above: _Object) -> _Object:
    """Both, deeply; where they differ, `above`."""
    both = dict(below)
    for key, value in above.items():
        known = both.get(key)
        deeper = isinstance(known, dict) and isinstance(value, dict)
        both[key] = _merged(known or {}, value) if deeper else value
    return both


_PRIORITIES = {"normal": "NORMAL", "high": "HIGH", "5": "NORMAL", "10": "HIGH"}


def _priority(value: object) -> str:
    text = str(value).lower() if isinstance(value, str | int) else ""
    if text not in _PRIORITIES:
        raise Invalid("fcm.priority", "fcm.priority must be one of the following: normal, high")
    return _PRIORITIES[text]


def _time_to_live(value: object) -> str:
    text = str(value) if not isinstance(value, bool) else ""
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) > MAX_TIME_TO_LIVE_S:
        reason = f"must be a number of seconds from 0 to {MAX_TIME_TO_LIVE_S}"
        raise Invalid("fcm.time_to_live", reason)
    return f"{int(text)}s"


def _arguments(value: object, field: str) -> list[str]:
    """Legacy wants a text that holds a JSON array; a real array is taken, too."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            value = None
    if not isinstance(value, list):
        raise Invalid(field, "must be a JSON array of strings")
    return [_scalar_text(one, f"{field}.{index}") for index, one in enumerate(value)]


def _texts(data: object, field: str) -> dict[str, str]:
    """FCM takes texts alone: other values become their JSON; null is left out."""
    if not isinstance(data, dict):
        raise Invalid(field, "Invalid type. Expected: object")
    return {key: _text(value) for key, value in data.items() if value is not None}


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _scalar_text(value: object, field: str) -> str:
    if value is None or isinstance(value, dict | list):
        raise Invalid(field, "Invalid type. Expected: string")
    return _text(value)


def _same(expected: type, field: str, name: str) -> Callable[[Any], Any]:
    def same(value: Any) -> Any:
        _check(value, expected, field, name)
        return value

    return same


_OPTIONS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "collapse_key": ("collapse_key", _same(str, "fcm.collapse_key", "string")),
    "priority": ("priority", _priority),
    "time_to_live": ("ttl", _time_to_live),
    "restricted_package_name": (
        "restricted_package_name",
        _same(str, "fcm.restricted_package_name", "string"),
    ),
    "direct_boot_ok": ("direct_boot_ok", _same(bool, "fcm.direct_boot_ok", "boolean")),
}
"""Legacy options, what v1 calls them below `android`, and how their values are written there."""
_ENVELOPE = frozenset({"message", "validate_only", "dry_run"})
_TAKEN = frozenset({"notification", "data", *_OPTIONS, *_V1_BLOCKS})
_TAKEN_TO_BE_SHOWN = frozenset(
    {"title", "body", "image", "body_loc_args", "title_loc_args", *_ANDROID_NOTIFICATION_KEYS}
)


def left_out(payload: Mapping[str, Any]) -> Iterator[str]:
    """Paths of what `to_v1` does not pass on, of a payload that it takes."""
    body, below = _snake_case(payload), "fcm"
    taken = _TAKEN | _ENVELOPE
    if isinstance(body.get("message"), dict):
        yield from (f"fcm.{key}" for key in body if key not in _ENVELOPE)
        body, below, taken = body["message"], "fcm.message", _TAKEN
    yield from (f"{below}.{key}" for key in body if key not in taken)
    shown = body.get("notification", {})
    yield from (f"{below}.notification.{key}" for key in shown if key not in _TAKEN_TO_BE_SHOWN)
    data = body.get("data", {})
    yield from (f"{below}.data.{key}" for key, value in data.items() if value is None)


def _check(value: object, expected: type, field: str, name: str) -> None:
    if not isinstance(value, expected):
        raise Invalid(field, f"Invalid type. Expected: {name}")


_FREE = frozenset({"data", "payload", "headers"})
"""Objects whose keys are the app's own."""


def _snake_case(value: Mapping[str, Any], path: str = "") -> _Object:
    """The same with v1's camelCase names as snake_case, but for keys that the app chose."""
    converted: _Object = {}
    for key, part in value.items():
        name = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[0].lower(), key)
        is_free = name in _FREE or (path == "webpush" and name == "notification")
        deeper = isinstance(part, dict) and not is_free
        converted[name] = _snake_case(part, name) if deeper else part
    return converted
