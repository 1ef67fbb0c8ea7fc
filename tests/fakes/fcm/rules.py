"""What FCM checks in a request, each rule with its own answer."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from tests.fakes.fcm.schema import TARGETS, snake_case, validator

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
RESERVED = re.compile(r"from|gcm|message_type|google.*|gcm\.notification\..*")
TOKEN = re.compile(r"[A-Za-z0-9_:-]{20,400}")
COLOR = re.compile(r"#[0-9a-fA-F]{6}")
MAX_BYTES = 4096
MAX_TTL_S = 2_419_200


class RefusedError(Exception):
    """The request breaks a rule."""

    def __init__(self, status: int, rule: str, body: dict[str, Any] | str) -> None:
        super().__init__(status, rule)
        self.status = status
        self.rule = rule
        self.body = body


def error(status: int, code: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    """A body as Google writes it."""
    said = {"code": status, "message": message, "status": code, "details": list(details)}
    return {"error": said}


def check_message(body: bytes, content_type: str) -> dict[str, Any]:
    """The request's JSON. Raises RefusedError, 400, for what is no message to a device."""
    if media_type(content_type) != "application/json":
        raise _invalid("content-type", content_type)
    try:
        request = json.loads(body)
    except ValueError as problem:
        raise _invalid("json", "body") from problem
    for fault in validator().iter_errors(request):
        raise _invalid("schema", "/".join(map(str, fault.absolute_path)) + fault.message[:80])
    message = request.get("message", {})
    if sum(target in message for target in TARGETS) != 1:
        raise _invalid("target", "message")
    if "android" in message and {"android_v2", "androidV2"} & message.keys():
        raise _invalid("android-twice", "message.android_v2")
    _check_data(message.get("data", {}))
    _check_android(message.get("android", {}))
    if _size(message) > MAX_BYTES:
        raise _invalid("size", "message")
    return dict(request)


def _check_data(data: dict[str, str]) -> None:
    for key in data:
        if RESERVED.fullmatch(key):
            raise _invalid("reserved", f"message.data.{key}")


def _shown(android: dict[str, Any]) -> dict[str, Any]:
    """What an Android phone is to show, by the names in snake case: both ways are understood."""
    return {snake_case(name): value for name, value in android.get("notification", {}).items()}


def _check_android(android: dict[str, Any]) -> None:
    if float(android.get("ttl", "0s")[:-1]) > MAX_TTL_S:
        raise _invalid("ttl", "message.android.ttl")
    _check_data(android.get("data", {}))
    shown = _shown(android)
    if COLOR.fullmatch(shown.get("color", "#000000")) is None:
        raise _invalid("color", "message.android.notification.color")
    for name in ("body", "title"):
        if f"{name}_loc_args" in shown and f"{name}_loc_key" not in shown:
            raise _invalid("loc-args", f"message.android.notification.{name}_loc_args")


def _size(message: dict[str, Any]) -> int:
    shown = message.get("android", {}).get("notification", {})
    parts = [message.get("data", {}), message.get("notification", {}), shown]
    texts = [text for part in parts for pair in part.items() for text in pair]
    return sum(len(str(text).encode()) for text in texts)


def _invalid(rule: str, field: str) -> RefusedError:
    violation = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": field, "description": "invalid"}],
    }
    return RefusedError(400, rule, error(400, "INVALID_ARGUMENT", f"Invalid {field}", violation))


def check_token(token: str, project: str, owners: Mapping[str, str]) -> None:
    """The device, which must be of this project. Raises RefusedError."""
    if TOKEN.fullmatch(token) is None:
        raise RefusedError(400, "token", invalid_token())
    if token not in owners:
        raise RefusedError(404, "unknown-token", unregistered())
    if owners[token] != project:
        raise RefusedError(403, "sender-id", sender_id_mismatch())


def check_bearer(header: str, project: str, issued: Mapping[str, tuple[str, float]]) -> None:
    """The access token, which must be good and of this project. Raises RefusedError."""
    value = header.removeprefix("Bearer ")
    owner, expires_at = issued.get(value, ("", 0.0))
    if not header.startswith("Bearer ") or expires_at < time.time():
        body = error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        raise RefusedError(401, "bearer", body)
    if owner != project:
        raise RefusedError(403, "project", error(403, "PERMISSION_DENIED", "Permission denied"))


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def no_such_page(path: str) -> RefusedError:
    """What Google's front end says of any address that it doesn't know."""
    return RefusedError(404, "path", f"<!DOCTYPE html><title>Error 404</title>{path}")


def unregistered() -> dict[str, Any]:
    detail = {"@type": FCM_ERROR, "errorCode": "UNREGISTERED"}
    return error(404, "NOT_FOUND", "Requested entity was not found.", detail)


def sender_id_mismatch() -> dict[str, Any]:
    detail = {"@type": FCM_ERROR, "errorCode": "SENDER_ID_MISMATCH"}
    return error(403, "PERMISSION_DENIED", "SenderId mismatch", detail)


def too_many_for_a_device() -> dict[str, Any]:
    detail = {"@type": FCM_ERROR, "errorCode": "QUOTA_EXCEEDED"}
    return error(429, "RESOURCE_EXHAUSTED", "Device message rate exceeded", detail)


def invalid_token() -> dict[str, Any]:
    detail = {"@type": FCM_ERROR, "errorCode": "INVALID_ARGUMENT"}
    message = "The registration token is not a valid FCM registration token"
    return error(400, "INVALID_ARGUMENT", message, detail)
