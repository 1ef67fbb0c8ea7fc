"""A device: one installation of an app on a phone or browser, and what its gateway knows it by."""

import base64
import binascii
import hashlib
import re
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from heliograph.model.errors import Invalid, Unauthorized
from heliograph.model.ids import NOT_STORABLE, STORABLE, DeviceId, InstanceId, UserId
from heliograph.model.limits import (
    MAX_ENDPOINT_CHARACTERS,
    MAX_METADATA_BYTES,
    MAX_PUSH_TOKEN_CHARACTERS,
)
from heliograph.model.schema import Text


class Platform(StrEnum):
    """How a device is reached."""

    APNS = "apns"
    FCM = "fcm"
    WEB = "web"


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A registered device."""

    instance_id: InstanceId
    id: DeviceId
    platform: Platform
    push_token: str
    user_id: UserId | None
    metadata: dict[str, Any]
    registered_at: datetime
    vapid_key: str | None = None
    """Of a browser: the public key that its subscription was made with, as far as is known."""
    lost_since: datetime | None = None
    """Of a browser: since when the host of its subscription can't be found, or reached."""

    @property
    def has_sdk(self) -> bool:
        """Whether it has an official SDK, which reports what arrives: each tells its version."""
        return "sdkVersion" in self.metadata


class Subscription(msgspec.Struct, frozen=True):
    """A browser's Web Push subscription: where to post, and the keys to encrypt with."""

    endpoint: str
    p256dh: bytes
    """The browser's public key: an uncompressed P-256 point, 65 bytes."""
    auth: bytes
    """The shared secret, 16 bytes."""


def token_hash(push_token: str) -> bytes:
    """What push tokens are told apart by: their SHA-256, 32 bytes."""
    return hashlib.sha256(push_token.encode()).digest()


PUSH_TOKEN = Text(
    min_length=1,
    max_length=MAX_PUSH_TOKEN_CHARACTERS,
    pattern=STORABLE,
    otherwise=NOT_STORABLE,
    about=(
        "What the gateway knows the device by. web: the base64 of the JSON of its PushSubscription."
        " apns: hexadecimal."
    ),
)


def parse_push_token(platform: Platform, value: str) -> str:
    """The push token, which is as PUSH_TOKEN says, in the form that is stored.

    Whether the gateway knows the token, the first send tells. Only what can't be one is refused.
    Raises Invalid, Unauthorized.
    """
    match platform:
        case Platform.WEB:
            return msgspec.json.encode(_parse_subscription(value)).decode()
        case Platform.APNS:
            return _parse_apns_token(value)
        case Platform.FCM:
            return value


def parse_metadata(given: dict[str, Any]) -> dict[str, Any]:
    """What the app noted of the device, at most 4 KiB of JSON. Raises Invalid."""
    if len(msgspec.json.encode(given)) > MAX_METADATA_BYTES:
        raise Invalid("metadata", f"must have at most {MAX_METADATA_BYTES} bytes")
    return given


def subscription_of(push_token: str) -> Subscription:
    """The Web Push subscription that a stored push token of the web platform holds."""
    return msgspec.json.decode(push_token, type=Subscription)


def _parse_apns_token(value: str) -> str:
    # The words "device token" make Apple's SDK stop instead of asking again and again.
    try:
        return bytes.fromhex(value).hex() if value.isalnum() else _refuse_apns_token()
    except ValueError:
        return _refuse_apns_token()


def _refuse_apns_token() -> str:
    raise Unauthorized("The device token is not valid: it must be hexadecimal")


def _parse_subscription(value: str) -> Subscription:
    """Read what the web SDK sends: standard base64 of the JSON of a PushSubscription."""
    try:
        subscription = msgspec.json.decode(base64.b64decode(value, validate=True))
        endpoint = subscription["endpoint"]
        p256dh = _bytes_of(subscription["keys"]["p256dh"])
        auth = _bytes_of(subscription["keys"]["auth"])
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)
    except (
        binascii.Error,
        msgspec.DecodeError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:
        reason = "must be the base64 of a Web Push subscription's JSON, with endpoint and keys"
        raise Invalid("token", reason) from error
    if not isinstance(endpoint, str) or not _is_endpoint(endpoint):
        raise Invalid("token", "its endpoint must be an absolute https URL")
    if len(p256dh) != _POINT_BYTES or len(auth) != _AUTH_BYTES:
        raise Invalid("token", "its keys must be a 65-byte P-256 point and a 16-byte secret")
    return Subscription(endpoint, p256dh, auth)


_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
_POINT_BYTES = 65
_AUTH_BYTES = 16


def _bytes_of(text: object) -> bytes:
    # Browsers write base64url without padding; older ones were seen with padding, or with + and /.
    if not isinstance(text, str):
        raise TypeError
    plain = text.rstrip("=").replace("+", "-").replace("/", "_")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)


def _is_endpoint(text: str) -> bool:
    if len(text) > MAX_ENDPOINT_CHARACTERS or not text.isascii() or not text.isprintable():
        return False
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        return False
    # A host is written in one way only: what is checked and what is connected to are one thing.
    host = url.hostname is not None and _HOST.fullmatch(url.hostname) is not None
    plain = "@" not in url.netloc and "\\" not in text and " " not in text and not url.fragment
    return host and plain and url.scheme in {"https", "http"} and port != 0
