"""What is wrong with a publish body before it is sent, and what is allowed but hardly meant.

Errors are what the publish API refuses, found by the same schemas and the same making of messages.
Warnings are what the gateways, or the SDKs on the devices, pass over in silence.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from heliograph.delivery.enrich import message_for
from heliograph.gateways.fcm_legacy import left_out, to_v1
from heliograph.model.device import Platform
from heliograph.model.errors import Invalid
from heliograph.model.ids import new_instance_id, new_publish_id
from heliograph.model.limits import MAX_INTERESTS_PUBLISH_BYTES, MAX_USERS_PUBLISH_BYTES
from heliograph.model.payloads import PAYLOADS, WEB, WEB_NOTIFICATION
from heliograph.model.publish import TO_INTERESTS, TO_USERS, Payload
from heliograph.model.schema import Object


class Severity(StrEnum):
    """Errors are refused by the publish API, warnings are not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """path: as `apns.aps.alert`; `(root)` for the whole."""

    severity: Severity
    path: str
    problem: str


_BODY = Object(
    members={
        "users": TO_USERS.members["users"],
        "interests": TO_INTERESTS.members["interests"],
        "webhookUrl": TO_INTERESTS.members["webhookUrl"],
        **PAYLOADS,
    },
    one_required=tuple(PAYLOADS),
)
"""With an audience or without."""


def lint(raw: bytes, *, now: datetime) -> list[Finding]:
    """All findings in a publish body, with `users`, `interests` or neither."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return [_error("(root)", f"Invalid JSON payload: {error}")]
    faults = [_error(fault.field or "(root)", fault.reason) for fault in _BODY.faults(body, "")]
    if not isinstance(body, dict):
        return faults
    found = [*faults, *_of_the_whole(body, len(raw))]
    for platform in Platform:
        if platform in body and not any(_is_below(fault.path, platform) for fault in faults):
            found += _of_payload(platform, body[platform], now)
    return found


def _error(path: str, problem: str) -> Finding:
    return Finding(Severity.ERROR, path, problem)


def _warning(path: str, problem: str) -> Finding:
    return Finding(Severity.WARNING, path, problem)


def _is_below(path: str, platform: Platform) -> bool:
    return path == platform or path.startswith(f"{platform}.")


def _of_the_whole(body: Mapping[str, Any], size: int) -> Iterator[Finding]:
    limits = {"users": MAX_USERS_PUBLISH_BYTES, "interests": MAX_INTERESTS_PUBLISH_BYTES}
    for audience, limit in limits.items():
        if audience in body and size > limit:
            reason = f"is {size - limit} bytes too large: a publish to {audience} has {limit}"
            yield _error("(root)", reason)
    if "users" in body and "interests" in body:
        yield _warning("(root)", "users and interests: only those that the path names are notified")
    for key in sorted(body.keys() - _BODY.members.keys()):
        yield _warning(key, "is not looked at")


def _of_payload(platform: Platform, payload: Payload, now: datetime) -> Iterator[Finding]:
    try:
        # Ids have one length, so any are as long as those to come.
        message = message_for(
            platform, payload, new_instance_id(), new_publish_id(), accepted_at=now
        )
    except Invalid as error:
        yield _error(error.field, error.reason)
        return
    match platform:
        case Platform.APNS:
            yield from _of_apns(payload, message.headers["apns-push-type"], now)
        case Platform.FCM:
            yield from _of_fcm(payload)
        case Platform.WEB:
            yield from _of_web(payload)


_OF_APS = (
    "alert",
    "badge",
    "sound",
    "category",
    "thread-id",
    "content-available",
    "mutable-content",
    "interruption-level",
    "relevance-score",
)
"""Apple: "Generating a remote notification"."""
_HEADERS = {
    "apns-collapse-id": "collapse_id",
    "apns-expiration": "expiration",
    "apns-priority": "priority",
    "apns-push-type": "pusher.push_type",
    "apns-topic": "pusher.topic",
}


def _of_apns(payload: Payload, push_type: str, now: datetime) -> Iterator[Finding]:
    for key in sorted(payload.keys() & set(_OF_APS)):
        yield _warning(f"apns.{key}", f"iOS looks for it in aps: write apns.aps.{key}")
    for key in sorted(payload.keys() & _HEADERS.keys()):
        yield _warning(f"apns.{key}", f"is no header here: write apns.{_HEADERS[key]}")
    aps, wishes = payload.get("aps", {}), payload.get("pusher", {})
    is_shown = any(key in aps for key in ("alert", "badge", "sound"))
    if not is_shown and "content-available" not in aps and "push_type" not in wishes:
        problem = "shows nothing: it has no alert, badge or sound, nor content-available"
        yield _warning("apns.aps", problem)
    if is_shown and push_type == "background":
        problem = "a background push with alert, badge or sound may be dropped by Apple"
        yield _warning("apns.pusher.push_type", problem)
    if push_type == "background" and payload.get("priority", 5) != 5:  # noqa: PLR2004  # Apple's
        yield _warning("apns.priority", "a background push goes out with 5: Apple takes no other")
    expiration = payload.get("expiration", 0)
    if expiration and datetime.fromtimestamp(expiration, UTC) <= now:
        yield _warning("apns.expiration", "is in the past: Apple is asked once, and keeps nothing")


_NEVER_PASSED_ON = frozenset({"to", "registration_ids", "condition", "topic", "token", "fid"})


def _of_fcm(payload: Payload) -> Iterator[Finding]:
    for path in left_out(payload):
        is_target = path.rpartition(".")[2] in _NEVER_PASSED_ON
        why = "the audience is the publish's" if is_target else "FCM HTTP v1 has no place for it"
        yield _warning(path, f"is left out: {why}")
    message, validate_only = to_v1(payload)
    if validate_only:
        yield _warning("fcm", "is only checked by FCM, and reaches nobody: dry_run, validate_only")
    if "data" in message and "data" in message.get("android", {}):
        problem = "takes the place of data: Android gets nothing of that"
        yield _warning("fcm.android.data", problem)
    if "notification" not in message and "data" not in message:
        yield _warning("fcm", "shows nothing: it has no notification, nor data")


def _of_web(payload: Payload) -> Iterator[Finding]:
    yield from _unread("web", payload, WEB)
    if "notification" not in payload:
        problem = (
            "shows nothing by itself: Safari withdraws the permission after a few such pushes,"
            " others limit them"
        )
        yield _warning("web.notification", problem)
        return
    shown = payload["notification"]
    yield from _unread("web.notification", shown, WEB_NOTIFICATION)
    if not shown.get("title") and not shown.get("body"):
        yield _warning("web.notification", "has neither title nor body")
    if shown.get("hide_notification_if_site_has_focus"):
        problem = "Safari withdraws the permission after a few pushes that show nothing"
        yield _warning("web.notification.hide_notification_if_site_has_focus", problem)


def _unread(path: str, value: Mapping[str, Any], schema: Object) -> Iterator[Finding]:
    for key in sorted(value.keys() - schema.members.keys()):
        yield _warning(f"{path}.{key}", "reaches the service worker, where the SDK passes over it")
