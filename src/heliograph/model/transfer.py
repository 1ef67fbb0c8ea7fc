"""Devices as lines of a file: what `heliograph export` writes and `heliograph import` reads.

A line is a JSON object; docs/import.md describes its members. Here they are read with the rules
that hold for registration, too.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from heliograph.model.device import (
    PUSH_TOKEN,
    Device,
    Platform,
    parse_metadata,
    parse_push_token,
    subscription_of,
)
from heliograph.model.errors import HeliographError, Invalid, Malformed
from heliograph.model.ids import (
    DeviceId,
    InstanceId,
    Interest,
    UserId,
    is_device_id,
    new_device_id,
    parse_interests,
    parse_user_id,
)
from heliograph.model.limits import MAX_DEVICE_BODY_BYTES
from heliograph.model.schema import check

UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""When a device registered whose line does not tell. So early that a gateway is always believed:
Apple's 410 counts only if the push token was not registered after it."""


class DeviceLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a line says of a device. None: it says nothing of that."""

    platform: Platform
    push_token: str
    id: DeviceId | None
    user_id: UserId | None
    interests: Sequence[Interest] | None
    metadata: Mapping[str, Any] | None
    registered_at: datetime | None
    vapid_key: str | None


class Refusals(msgspec.Struct, frozen=True, array_like=True):
    """How many lines were refused for a reason, and the first of them."""

    number: int
    first_line: int


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the import of a file has come, and what became of the lines so far."""

    offset_bytes: int = 0
    digest: bytes = hashlib.sha256(b"").digest()
    """SHA-256 of the file up to there: it goes on there only if that is still as it was."""
    lines: int = 0
    imported: int = 0
    refused: dict[str, Refusals] = {}
    """By reason."""
    refused_bytes: int = 0
    """The size of the file of refused lines."""


def parse_line(content: bytes) -> DeviceLine:
    """Raises Malformed, Invalid, LimitReached, and Unauthorized for APNs tokens that can't be."""
    line = _decoded(content)
    if line.id is not None and not (is_device_id(line.id) and line.id.startswith(line.platform)):
        raise Invalid("id", f"must be like {line.platform}-6a5f…, or be left out")
    if line.vapid_public_key is not None and line.platform is not Platform.WEB:
        raise Invalid("vapidPublicKey", "is for the web platform alone")
    if line.registered_at is not None and line.registered_at < UNKNOWN_TIME:
        raise Invalid("registeredAt", "must not be before 1970")
    return DeviceLine(
        platform=line.platform,
        push_token=_push_token(line.platform, line.token),
        id=None if line.id is None else DeviceId(line.id),
        user_id=None if line.user_id is None else parse_user_id(line.user_id, "userId"),
        interests=None if line.interests is None else parse_interests(line.interests),
        metadata=None if line.metadata is None else parse_metadata(line.metadata),
        registered_at=line.registered_at,
        vapid_key=line.vapid_public_key,
    )


def line_of(device: Device, interests: Sequence[Interest]) -> bytes:
    """The line that brings the device to another instance as it is, without its end of line."""
    token: str | dict[str, Any] = device.push_token
    if device.platform is Platform.WEB:
        subscription = subscription_of(device.push_token)
        keys = {"p256dh": _base64url(subscription.p256dh), "auth": _base64url(subscription.auth)}
        token = {"endpoint": subscription.endpoint, "keys": keys}
    return msgspec.json.encode(
        _Line(
            platform=device.platform,
            token=token,
            id=device.id,
            user_id=device.user_id,
            interests=list(interests),
            metadata=device.metadata,
            registered_at=device.registered_at,
            vapid_public_key=device.vapid_key,
        )
    )


def new_device(instance_id: InstanceId, line: DeviceLine, vapid_key: str) -> Device:
    """A device that was not known before, with nothing yet but its push token.

    vapid_key: what a browser has subscribed with if the line does not tell.
    """
    return Device(
        instance_id=instance_id,
        id=line.id or new_device_id(line.platform),
        platform=line.platform,
        push_token=line.push_token,
        user_id=None,
        metadata={},
        registered_at=UNKNOWN_TIME,
        vapid_key=vapid_key if line.platform is Platform.WEB else None,
    )


def as_told(device: Device, line: DeviceLine, *, now: datetime) -> Device:
    """The device as the line has it; what the line does not tell stays, and so does the id.

    Of two registrations the later counts. Raises Invalid if the device has another user.
    """
    if line.user_id is not None and device.user_id not in {None, line.user_id}:
        raise Invalid("userId", "the device with this push token is tied to another user")
    told_at = UNKNOWN_TIME if line.registered_at is None else min(line.registered_at, now)
    return msgspec.structs.replace(
        device,
        user_id=line.user_id or device.user_id,
        metadata=device.metadata if line.metadata is None else dict(line.metadata),
        registered_at=max(device.registered_at, told_at),
        vapid_key=line.vapid_key or device.vapid_key,
    )


def counted(
    refused: Mapping[str, Refusals], number: int, error: HeliographError
) -> dict[str, Refusals]:
    """One refused line more, under its reason. Reasons beyond a hundred are counted together."""
    reason = _POSITION.sub("", str(error))[:_MAX_REASON_CHARACTERS]
    if reason not in refused and len(refused) >= _MAX_REASONS:
        reason = "other reasons"
    before = refused.get(reason, Refusals(0, number))
    return {**refused, reason: Refusals(before.number + 1, before.first_line)}


def mendable(content: bytes, number: int, error: HeliographError) -> bytes:
    """The refused line with the reason in it. Mended, it can be imported as it is."""
    reason = {"line": number, "reason": str(error)}
    try:
        line = msgspec.json.decode(content)
    except (ValueError, RecursionError):
        line = None
    if not isinstance(line, dict):
        line = {"text": content[:_MAX_SHOWN_BYTES].decode(errors="replace")}
    return msgspec.json.encode({**line, "refused": reason})


_MAX_REASONS = 100
_MAX_REASON_CHARACTERS = 200
_MAX_SHOWN_BYTES = 4096
# "interests.17: …" and "… at `$.interests[17]`" are the same reason, whichever interest it is.
_POSITION = re.compile(r"\.\d+(?=: )|\[\d+\](?=`)")


class _Line(
    msgspec.Struct,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    platform: Platform
    token: str | dict[str, Any]
    id: str | None = None
    user_id: str | None = None
    interests: list[str] | None = None
    metadata: dict[str, Any] | None = None
    registered_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    vapid_public_key: str | None = None
    refused: Any = None
    """The reason that an earlier import wrote beside a line; it is not read."""


def _decoded(content: bytes) -> _Line:
    if len(content) > MAX_DEVICE_BODY_BYTES:
        raise Malformed(f"the line is longer than {MAX_DEVICE_BODY_BYTES} bytes")
    try:
        return msgspec.json.decode(content, type=_Line)
    except msgspec.ValidationError as error:
        raise Malformed(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise Malformed("the line is not JSON") from error


def _push_token(platform: Platform, token: str | dict[str, Any]) -> str:
    """The push token as it is stored; of a browser, the line may hold its subscription itself."""
    if isinstance(token, dict):
        if platform is not Platform.WEB:
            raise Invalid("token", "must be a text")
        token = base64.b64encode(msgspec.json.encode(token)).decode()
    check(PUSH_TOKEN, token, "token")
    return parse_push_token(platform, token)


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
