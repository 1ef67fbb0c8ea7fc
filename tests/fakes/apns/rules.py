"""What APNs checks in a request, in its own order and with its own reasons.

Apple: "Sending notification requests to APNs", "Handling notification responses from APNs".
"""

import base64
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

SUFFIXES = {
    "alert": "",
    "background": "",
    "voip": ".voip",
    "complication": ".complication",
    "fileprovider": ".pushkit.fileprovider",
    "location": ".location-query",
    "liveactivity": ".push-type.liveactivity",
    "pushtotalk": ".voip-ptt",
    "widgets": ".push-type.widgets",
    "controls": ".push-type.controls",
    "mdm": "",
}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAX_TOKEN_AGE_S = 3600


class RefusedError(Exception):
    """The request breaks a rule."""

    def __init__(self, status: int, reason: str, detail: str = "") -> None:
        super().__init__(status, reason, detail)
        self.status = status
        self.reason = reason
        self.detail = detail


@dataclass(slots=True, kw_only=True)
class Team:
    """The keys of a developer team, by key id."""

    keys: dict[str, ec.EllipticCurvePublicKey] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Device:
    """A device token: of one app, in one environment. gone_at: milliseconds, once it is gone."""

    topic: str
    sandbox: bool
    gone_at: int | None = None


def authenticate(
    header: str, teams: Mapping[str, Team], verified: dict[str, tuple[str, str, int]]
) -> tuple[str, str, int]:
    """Team id, key id and time of issue of a provider token."""
    scheme, _, token = header.partition(" ")
    if scheme != "bearer" or not token:
        raise RefusedError(403, "InvalidProviderToken", "the scheme must be bearer")
    if token not in verified:
        verified[token] = _verify(token, teams)
    team, key, issued = verified[token]
    if issued < time.time() - MAX_TOKEN_AGE_S:
        raise RefusedError(403, "ExpiredProviderToken")
    return team, key, issued


def _verify(token: str, teams: Mapping[str, Team]) -> tuple[str, str, int]:
    try:
        head, claims, signature = token.split(".")
        header, payload = json.loads(_decoded(head)), json.loads(_decoded(claims))
        raw = _decoded(signature)
    except ValueError as error:
        raise RefusedError(403, "InvalidProviderToken", "not a JWT") from error
    issuer, key_id, issued = payload.get("iss"), header.get("kid"), payload.get("iat")
    if header.get("alg") != "ES256" or len(raw) != 64:
        raise RefusedError(403, "InvalidProviderToken", "must be ES256 with a raw signature")
    if type(issued) is not int or issued > time.time() + 60:
        raise RefusedError(403, "InvalidProviderToken", "iat must be an integer of seconds")
    team = teams.get(issuer)
    if team is None or key_id not in team.keys:
        raise RefusedError(403, "InvalidProviderToken", "unknown team or key")
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    try:
        team.keys[key_id].verify(der, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
    except InvalidSignature as error:
        raise RefusedError(403, "InvalidProviderToken", "wrong signature") from error
    return issuer, key_id, issued


def _decoded(text: str) -> bytes:
    if "=" in text:
        raise ValueError(text)
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def check_headers(headers: Mapping[str, str]) -> None:
    """Each apns- header by itself. Raises RefusedError."""
    if UUID.fullmatch(headers.get("apns-id", "0" * 8 + "-0000" * 3 + "-" + "0" * 12)) is None:
        raise RefusedError(400, "BadMessageId")
    expiration = headers.get("apns-expiration", "0")
    if not expiration.isdecimal() or int(expiration) >= 10**11:
        raise RefusedError(400, "BadExpirationDate", expiration)
    if headers.get("apns-priority", "10") not in {"1", "5", "10"}:
        raise RefusedError(400, "BadPriority")
    if len(headers.get("apns-collapse-id", "").encode()) > 64:
        raise RefusedError(400, "BadCollapseId")
    if headers.get("apns-push-type") not in SUFFIXES:
        raise RefusedError(400, "InvalidPushType")
    if "content-encoding" in headers:
        raise RefusedError(400, "BadContentEncoding", "no encoding is known")
    if "apns-topic" not in headers:
        raise RefusedError(400, "MissingTopic")


def check_payload(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """The payload, which must fit the push type: stricter than Apple. Raises RefusedError."""
    if not body:
        raise RefusedError(400, "PayloadEmpty")
    push_type = headers["apns-push-type"]
    if len(body) > (5120 if push_type == "voip" else 4096):
        raise RefusedError(413, "PayloadTooLarge")
    try:
        payload = json.loads(body.decode())
        aps = payload["aps"]
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedError(400, "BadPayload", "must be a JSON object with aps") from error
    if not isinstance(aps, dict):
        raise RefusedError(400, "BadPayload", "aps must be an object")
    if push_type == "background":
        shown = {"alert", "badge", "sound"} & aps.keys()
        if headers.get("apns-priority") != "5":
            raise RefusedError(400, "BadPriority", "background must be 5")
        if aps.get("content-available") != 1 or shown:
            raise RefusedError(400, "BadPayload", "background must wake, and show nothing")
    return dict(payload)


def check_device(
    token: str, devices: Mapping[str, Device], headers: Mapping[str, str], *, sandbox: bool
) -> Device:
    """The device, which must be of this app and environment. Raises RefusedError."""
    if not token:
        raise RefusedError(400, "MissingDeviceToken")
    device = devices.get(token)
    if device is None or device.sandbox != sandbox:
        raise RefusedError(400, "BadDeviceToken")
    suffix = SUFFIXES[headers["apns-push-type"]]
    if headers["apns-topic"] != device.topic + suffix:
        raise RefusedError(400, "DeviceTokenNotForTopic", headers["apns-topic"])
    return device
