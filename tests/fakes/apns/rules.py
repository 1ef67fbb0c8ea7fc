"""What APNs checks in a request, in its own order and with its own reasons.

Apple: "Sending notification requests to APNs", "Handling notification responses from APNs".
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
PATH = re.compile(r"/3/device/([^/?]*)")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SECONDS = re.compile(r"[0-9]{1,11}")
"""Not milliseconds: they would have thirteen digits."""
TOPIC = re.compile(r"[A-Za-z0-9.-]+")
NO_ID = "00000000-0000-0000-0000-000000000000"


class RefusedError(Exception):
    """The request breaks a rule."""

    def __init__(self, status: int, reason: str, detail: str = "") -> None:
        super().__init__(status, reason, detail)
        self.status = status
        self.reason = reason
        self.detail = detail


@dataclass(slots=True, kw_only=True)
class Device:
    """A device token: of one app, in one environment. gone_at: milliseconds, once it is gone."""

    topic: str
    sandbox: bool
    gone_at: int | None = None


def check_request_line(headers: Mapping[str, str]) -> None:
    """Method and path. Raises RefusedError."""
    if headers[":method"] != "POST":
        raise RefusedError(405, "MethodNotAllowed")
    if PATH.fullmatch(headers[":path"]) is None:
        raise RefusedError(404, "BadPath", headers[":path"])


def check_headers(headers: Mapping[str, str]) -> None:
    """Each apns- header by itself. Raises RefusedError."""
    if UUID.fullmatch(headers.get("apns-id", NO_ID)) is None:
        raise RefusedError(400, "BadMessageId")
    if SECONDS.fullmatch(headers.get("apns-expiration", "0")) is None:
        raise RefusedError(400, "BadExpirationDate", headers["apns-expiration"])
    if headers.get("apns-priority", "10") not in {"1", "5", "10"}:
        raise RefusedError(400, "BadPriority")
    if len(headers.get("apns-collapse-id", "").encode()) > 64:
        raise RefusedError(400, "BadCollapseId")
    if headers.get("apns-push-type") not in SUFFIXES:
        raise RefusedError(400, "InvalidPushType")
    if "content-encoding" in headers:
        raise RefusedError(400, "BadContentEncoding", "no encoding is known")
    _check_topic(headers)


def _check_topic(headers: Mapping[str, str]) -> None:
    if "apns-topic" not in headers:
        raise RefusedError(400, "MissingTopic")
    if TOPIC.fullmatch(headers["apns-topic"]) is None:
        raise RefusedError(400, "BadTopic", headers["apns-topic"])


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
