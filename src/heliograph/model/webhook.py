"""Webhooks: what the app's server is told of its publishes, and where, in Pusher Beams' words.

https://pusher.com/docs/beams/concepts/webhooks/, https://pusher.com/docs/beams/reference/webhooks/
"""

import base64
import hashlib
import ipaddress
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NewType
from urllib.parse import unquote_to_bytes

import msgspec

from heliograph.model.errors import Invalid, Mismatch
from heliograph.model.event import EventKind
from heliograph.model.ids import InstanceId, PublishId, is_storable
from heliograph.model.limits import (
    MAX_CUSTOM_DATA_BYTES,
    MAX_WEBHOOK_SECRET_CHARACTERS,
    MAX_WEBHOOK_URL_CHARACTERS,
)
from heliograph.model.schema import Text, check

WebhookId = NewType("WebhookId", str)
CallId = NewType("CallId", str)

RETRIES_AFTER = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 120, 300))
"""How long after each failed try the next one is due; then there is none."""


class WebhookEvent(StrEnum):
    """What webhooks can be called for."""

    ATTEMPT = "v1.PublishToUsersAttempt"
    """A publish to users is finished: what became of it, user by user."""
    ACKNOWLEDGEMENT = "v1.UserNotificationAcknowledgement"
    """A user's device got the notification."""
    OPEN = "v1.UserNotificationOpen"
    """A user has tapped it."""

    @property
    def short_name(self) -> str:
        return self.name.lower()


EVENT_OF = {
    EventKind.DELIVERY: WebhookEvent.ACKNOWLEDGEMENT,
    EventKind.OPEN: WebhookEvent.OPEN,
}


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Where an instance's events are told. Its repr shows neither URL nor secret."""

    id: WebhookId
    url: str
    secret: str
    events: tuple[WebhookEvent, ...]
    custom_data: Mapping[str, Any]
    """Goes along with every call."""
    created_at: datetime

    def __repr__(self) -> str:
        return f"Webhook(id={self.id!r})"


class Callback(msgspec.Struct, frozen=True):
    """Where one publish to interests is told of, as Beams' deprecated `webhookUrl` has it.

    Sealed, since the URL may hold a password, and travels on streams.
    """

    sealed_url: bytes
    receiver: str


class CallbackStatus(StrEnum):
    """What such a call is about."""

    STARTED = "STARTED"
    WAITING = "WAITING"
    """Nothing yet: the publish is not finished."""
    FINISHED = "FINISHED"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is due, leased to who makes it. Its repr shows neither URL nor secret.

    id: the same on all tries. webhook_id, secret: None for a callback. tries: made before this one.
    """

    id: CallId
    instance_id: InstanceId
    webhook_id: WebhookId | None
    url: str
    secret: str | None
    event: str
    body: bytes
    tries: int
    leased_until: datetime

    def __repr__(self) -> str:
        return f"Call(id={self.id!r}, event={self.event!r})"


def new_webhook_id() -> WebhookId:
    return WebhookId(str(uuid.uuid4()))


def new_call_id() -> CallId:
    return CallId(str(uuid.uuid4()))


def started_id(publish_id: PublishId) -> CallId:
    """Of the callback that tells that the publish has started."""
    return CallId(str(uuid.uuid5(_CALLBACKS, publish_id)))


def finished_id(started: CallId) -> CallId:
    """Of the one that tells that the same publish is finished."""
    return CallId(str(uuid.uuid5(uuid.UUID(started), CallbackStatus.FINISHED)))


_CALLBACKS = uuid.UUID("6f1f0f2e-8d83-4f0c-9d1a-53b1b8a6f1d4")


def next_try(tries: int, now: datetime) -> datetime | None:
    """When a call is due again that has failed this many times; None if no more."""
    return now + RETRIES_AFTER[tries - 1] if tries <= len(RETRIES_AFTER) else None


# What an operator or an app's server says.

# No backslash before the path: some take it for the end of the host, others don't.
_URL = re.compile(
    r"(https?://)"
    r"(?:([\x21\x22\x24-\x2e\x30-\x3e\x41-\x5b\x5d-\x7e]*)@)?"
    r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
    r"(:[0-9]{1,4}|:[1-5][0-9]{4}|:6[0-4][0-9]{3}|:65[0-4][0-9]{2}|:655[0-2][0-9]|:6553[0-5])?"
    r"([/?][\x21\x22\x24-\x7e]*)?"
)

WEBHOOK_URL = Text(
    min_length=1,
    max_length=MAX_WEBHOOK_URL_CHARACTERS,
    pattern=_URL,
    otherwise="Does not match format 'uri'",
    format="uri",
    example="https://example.com/beams",
    about="http or https, in ASCII, without a fragment. User and password become Basic"
    " authorization.",
)
"""Stricter than a URI, so that all who read it see the same host in it."""


def parse_webhook_url(text: str, field: str) -> str:
    """Raises Mismatch, without the URL in its text."""
    check(WEBHOOK_URL, text, field)
    host = _parts_of(text)[2]
    try:
        if host.startswith("["):
            ipaddress.IPv6Address(host[1:-1])
    except ValueError as error:
        raise Mismatch(field, "Does not match format 'uri'") from error
    return text


def without_password(url: str) -> tuple[str, str | None]:
    """A webhook's URL as it is called, and the Authorization that its user and password are."""
    scheme, userinfo, *rest = _parts_of(url)
    authorization = None
    if userinfo:
        encoded = base64.b64encode(unquote_to_bytes(userinfo)).decode()
        authorization = f"Basic {encoded}"
    return "".join((scheme, *rest)), authorization


def receiver_of(url: str) -> str:
    """What stands for the origin: callbacks to one wait for each other, and for no others."""
    scheme, _, host, port, _ = _parts_of(url)
    return f"url-{hashlib.sha256(f'{scheme}{host.lower()}{port}'.encode()).hexdigest()[:32]}"


def _parts_of(url: str) -> tuple[str, ...]:
    """Scheme, userinfo, host, port, and path with query; each with its delimiters but the @."""
    matched = _URL.fullmatch(url)
    if matched is None:
        raise ValueError("not a webhook's URL")
    return matched.groups(default="")


def parse_events(names: Iterable[str]) -> tuple[WebhookEvent, ...]:
    """Events by their names, or as attempt, acknowledgement, open. Raises Invalid."""
    known = {name: event for event in WebhookEvent for name in (event.value, event.short_name)}
    chosen = set[WebhookEvent]()
    for name in names:
        if name not in known:
            said = ", ".join(f"{event.short_name} ({event})" for event in WebhookEvent)
            raise Invalid("events", f"must be some of {said}")
        chosen.add(known[name])
    if not chosen:
        raise Invalid("events", "must be one at least")
    return tuple(event for event in WebhookEvent if event in chosen)


def parse_webhook_secret(text: str) -> str:
    """Raises Invalid, without the secret in its text."""
    if not 1 <= len(text) <= MAX_WEBHOOK_SECRET_CHARACTERS or not text.isprintable():
        most = MAX_WEBHOOK_SECRET_CHARACTERS
        raise Invalid("secret", f"must have 1 to {most} printable characters")
    return text


def parse_custom_data(text: str) -> dict[str, Any]:
    """A JSON object. Raises Invalid."""
    try:
        custom_data = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Invalid("custom_data", "must be JSON") from error
    if not isinstance(custom_data, dict):
        raise Invalid("custom_data", "must be a JSON object")
    encoded = msgspec.json.encode(custom_data)
    if len(encoded) > MAX_CUSTOM_DATA_BYTES or not is_storable(encoded.decode()):
        raise Invalid("custom_data", f"must be at most {MAX_CUSTOM_DATA_BYTES} bytes of JSON")
    return custom_data
