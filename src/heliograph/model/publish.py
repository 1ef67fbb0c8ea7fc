"""A publish: one accepted request to notify users, or interests, and how its body is read.

The words of the refusals are those that users of Beams know (a JSON schema validator's).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from heliograph.model.device import Platform
from heliograph.model.errors import Invalid
from heliograph.model.ids import (
    InstanceId,
    Interest,
    PublishId,
    UserId,
    parse_interest,
    parse_user_id,
)
from heliograph.model.limits import (
    MAX_COLLAPSE_ID_BYTES,
    MAX_INTERESTS_PER_PUBLISH,
    MAX_TIME_TO_LIVE_S,
    MAX_USERS_PER_PUBLISH,
)

Payload = Mapping[str, Any]
"""What one platform's devices get, as the app wrote it."""

_Id = TypeVar("_Id")


class Users(msgspec.Struct, frozen=True, tag="users"):
    """The audience of a publish to users: 1 to 1000 different ids."""

    users: tuple[UserId, ...]


class Interests(msgspec.Struct, frozen=True, tag="interests"):
    """The audience of a publish to interests: devices with any of 1 to 100 different ones."""

    interests: tuple[Interest, ...]


Audience = Users | Interests


class Publish(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted publish, as it travels on the PUBLISH stream."""

    version: int = 1
    id: PublishId
    instance_id: InstanceId
    accepted_at: datetime
    audience: Audience
    payloads: dict[Platform, dict[str, Any]]


def parse_users(body: Mapping[str, Any]) -> Users:
    """The `users` of a publish body. Raises Invalid."""
    return Users(_parse_list(body, "users", MAX_USERS_PER_PUBLISH, parse_user_id))


def parse_interests(body: Mapping[str, Any]) -> Interests:
    """The `interests` of a publish body. Raises Invalid."""
    return Interests(_parse_list(body, "interests", MAX_INTERESTS_PER_PUBLISH, parse_interest))


def parse_payloads(body: Mapping[str, Any]) -> dict[Platform, dict[str, Any]]:
    """The platforms' parts of a publish body; keys that are none of ours are ignored.

    Raises Invalid.
    """
    payloads = {platform: body[platform] for platform in Platform if platform in body}
    if not payloads:
        raise Invalid("(root)", "at least one of apns, fcm, web is required")
    for platform, payload in payloads.items():
        _check_type(payload, dict, platform, "object")
        _check_data(payload, platform)
    _check_apns(payloads.get(Platform.APNS, {}))
    _check_web(payloads.get(Platform.WEB, {}))
    return payloads


def _parse_list(
    body: Mapping[str, Any],
    field: str,
    maximum: int,
    parse: Callable[[object, str], _Id],
) -> tuple[_Id, ...]:
    if field not in body:
        raise Invalid(field, f"{field} is required")
    values = body[field]
    _check_type(values, list, field, "array")
    if not values:
        raise Invalid(field, "Array must have at least 1 items")
    if len(values) > maximum:
        raise Invalid(field, f"Array must have at most {maximum} items")
    parsed = tuple(parse(value, f"{field}.{index}") for index, value in enumerate(values))
    if len(set(parsed)) < len(parsed):
        raise Invalid(field, "array items must be unique")
    return parsed


def _check_type(value: object, expected: type, field: str, name: str) -> None:
    # bool is an int in Python, not in JSON
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise Invalid(field, f"Invalid type. Expected: {name}")


def _check_data(payload: Payload, platform: Platform) -> None:
    if "data" not in payload:
        return
    _check_type(payload["data"], dict, f"{platform}.data", "object")
    if "pusher" in payload["data"]:
        raise Invalid(f"{platform}.data.pusher", "this key is reserved")


PUSH_TYPES = (
    "alert",
    "background",
    "voip",
    "complication",
    "fileprovider",
    "location",
    "liveactivity",
    "pushtotalk",
    "widgets",
    "controls",
    "mdm",
)
"""Apple: "Sending notification requests to APNs"."""


def _check_apns(payload: Payload) -> None:
    aps = payload.get("aps", {})
    _check_type(aps, dict, "apns.aps", "object")
    if "content-available" in aps:
        _check_one_of(aps["content-available"], (1,), "apns.aps.content-available")
    if "collapse_id" in payload:
        _check_collapse_id(payload["collapse_id"])
    if "expiration" in payload:
        _check_range(payload["expiration"], "apns.expiration", _MAX_EXPIRATION)
    if "priority" in payload:
        _check_one_of(payload["priority"], (1, 5, 10), "apns.priority")
    wishes = payload.get("pusher", {})
    _check_type(wishes, dict, "apns.pusher", "object")
    if "disable_delivery_tracking" in wishes:
        field = "apns.pusher.disable_delivery_tracking"
        _check_type(wishes["disable_delivery_tracking"], bool, field, "boolean")
    if "push_type" in wishes:
        _check_one_of(wishes["push_type"], PUSH_TYPES, "apns.pusher.push_type")
    if "topic" in wishes and not _is_topic(wishes["topic"]):
        raise Invalid("apns.pusher.topic", "must be a bundle id, with the suffix of the push type")


_MAX_EXPIRATION = 10**11
"""More can only be milliseconds."""
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,255}")


def _is_topic(value: object) -> bool:
    return isinstance(value, str) and _TOPIC.fullmatch(value) is not None


def _check_collapse_id(value: object) -> None:
    field = "apns.collapse_id"
    _check_type(value, str, field, "string")
    # It travels in a header, which holds printable ASCII.
    text = str(value)
    if not text.isascii() or not text.isprintable() or text != text.strip() or not text:
        raise Invalid(field, "must be printable ASCII, without spaces at its ends")
    if len(text) > MAX_COLLAPSE_ID_BYTES:
        raise Invalid(field, f"must have at most {MAX_COLLAPSE_ID_BYTES} bytes")


def _check_one_of(value: object, allowed: Sequence[object], field: str) -> None:
    # 1, 1.0 and true are equal in Python, not here.
    if not any(value == one and type(value) is type(one) for one in allowed):
        shown = ", ".join(map(str, allowed))
        raise Invalid(field, f"{field} must be one of the following: {shown}")


def _check_range(value: object, field: str, maximum: int) -> None:
    _check_type(value, int, field, "integer")
    if not isinstance(value, int) or value < 0:
        raise Invalid(field, "Must be greater than or equal to 0")
    if value > maximum:
        raise Invalid(field, f"Must be less than or equal to {maximum}")


_WEB_NOTIFICATION_KEYS: Mapping[str, tuple[type, str]] = {
    "title": (str, "string"),
    "body": (str, "string"),
    "icon": (str, "string"),
    "deep_link": (str, "string"),
    "hide_notification_if_site_has_focus": (bool, "boolean"),
}


_URGENCIES = ("very-low", "low", "normal", "high")
"""RFC 8030, 5.3."""


def _check_web(payload: Payload) -> None:
    if "time_to_live" in payload:
        _check_range(payload["time_to_live"], "web.time_to_live", MAX_TIME_TO_LIVE_S)
    if "urgency" in payload:
        _check_one_of(payload["urgency"], _URGENCIES, "web.urgency")
    if "topic" in payload:
        _check_type(payload["topic"], str, "web.topic", "string")
    notification = payload.get("notification", {})
    _check_type(notification, dict, "web.notification", "object")
    for key, (expected, name) in _WEB_NOTIFICATION_KEYS.items():
        if key in notification:
            _check_type(notification[key], expected, f"web.notification.{key}", name)
