"""A publish: one accepted request to notify users, or interests, and what its body must be."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from heliograph.model.device import Platform
from heliograph.model.ids import INTEREST, USER_ID, InstanceId, Interest, PublishId, UserId
from heliograph.model.limits import MAX_INTERESTS_PER_PUBLISH, MAX_USERS_PER_PUBLISH
from heliograph.model.payloads import PAYLOADS
from heliograph.model.schema import Array, Object
from heliograph.model.webhook import WEBHOOK_URL, Callback, parse_webhook_url

Payload = Mapping[str, Any]
"""What one platform's devices get, as the app wrote it."""


class Users(msgspec.Struct, frozen=True, tag="users"):
    """The audience of a publish to users: 1 to 1000 different ids."""

    users: tuple[UserId, ...]


class Interests(msgspec.Struct, frozen=True, tag="interests"):
    """The audience of a publish to interests: devices with any of 1 to 100 different ones."""

    interests: tuple[Interest, ...]


Audience = Users | Interests


class AudienceKind(StrEnum):
    """Each kind has streams and workers of its own, so that no user waits for a large interest."""

    USERS = "users"
    INTERESTS = "interests"


def kind_of(audience: Audience) -> AudienceKind:
    return AudienceKind.USERS if isinstance(audience, Users) else AudienceKind.INTERESTS


def names_in(audience: Audience) -> Sequence[str]:
    """The users, or the interests."""
    return audience.users if isinstance(audience, Users) else audience.interests


def collapse_ids_in(payloads: Mapping[Platform, Payload]) -> dict[Platform, str]:
    """By what a newer message to a device that is off line takes the place of an older one."""
    found = {platform: _collapse_id(platform, payload) for platform, payload in payloads.items()}
    return {platform: text for platform, text in found.items() if isinstance(text, str) and text}


def _collapse_id(platform: Platform, payload: Payload) -> object:
    match platform:
        case Platform.APNS:
            return payload.get("collapse_id")
        case Platform.WEB:
            return payload.get("topic")
        case Platform.FCM:
            # A legacy body, a message of v1, or an envelope of one; v1's words win.
            message = payload.get("message")
            android = (message if isinstance(message, dict) else payload).get("android")
            android = android if isinstance(android, dict) else {}
            own = android.get("collapseKey", android.get("collapse_key"))
            return own or payload.get("collapse_key")


class PublishState(StrEnum):
    """Whether a publish goes on. RUNNING and PAUSED can be left again.

    FORGOTTEN: all of it was pruned. Its row is there for nobody but the fan-out, see pruning.py.
    """

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FORGOTTEN = "forgotten"


class Publish(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted publish, as it travels on the PUBLISH stream."""

    version: int = 1
    id: PublishId
    instance_id: InstanceId
    accepted_at: datetime
    audience: Audience
    payloads: dict[Platform, dict[str, Any]]
    callback: Callback | None = None
    """Who is told of it apart from webhooks."""


TO_USERS = Object(
    members={
        "users": Array(items=USER_ID, min_items=1, max_items=MAX_USERS_PER_PUBLISH, unique=True),
        **PAYLOADS,
    },
    required=("users",),
    one_required=tuple(PAYLOADS),
    about="Whom to notify, and what each platform's devices get. Other members are ignored.",
)
TO_INTERESTS = Object(
    members={
        "interests": Array(
            items=INTEREST, min_items=1, max_items=MAX_INTERESTS_PER_PUBLISH, unique=True
        ),
        "webhookUrl": WEBHOOK_URL,
        **PAYLOADS,
    },
    required=("interests",),
    one_required=tuple(PAYLOADS),
    about="Devices with any of the interests get it once. Other members are ignored.",
)


def users_of(body: Mapping[str, Any]) -> Users:
    """The audience of a body that TO_USERS describes."""
    return Users(tuple(body["users"]))


def interests_of(body: Mapping[str, Any]) -> Interests:
    """The audience of a body that TO_INTERESTS describes."""
    return Interests(tuple(body["interests"]))


def webhook_url_of(body: Mapping[str, Any]) -> str | None:
    """Where a body that TO_INTERESTS describes wants its publish told. Raises Mismatch."""
    url = body.get("webhookUrl")
    return None if url is None else parse_webhook_url(url, "webhookUrl")


def payloads_of(body: Mapping[str, Any]) -> dict[Platform, dict[str, Any]]:
    """The platforms' parts of either."""
    return {platform: body[platform] for platform in Platform if platform in body}
