"""What FCM and Google's token endpoint check, each with its own answer."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from tests.fakes.fcm.schema import TARGETS, validator

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REAL_AUDIENCE = "https://oauth2.googleapis.com/token"
"""What Google's own library writes, wherever it sends it."""
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
RESERVED = re.compile(r"from|gcm|message_type|google.*|gcm\.notification\..*")
TOKEN = re.compile(r"[A-Za-z0-9_:-]{20,400}")
COLOR = re.compile(r"#[0-9a-fA-F]{6}")
MAX_BYTES = 4096
MAX_TTL_S = 2_419_200


class RefusedError(Exception):
    """The request breaks a rule."""

    def __init__(self, status: int, rule: str, body: dict[str, Any]) -> None:
        super().__init__(status, rule)
        self.status = status
        self.rule = rule
        self.body = body


@dataclass(frozen=True, slots=True)
class Account:
    """A service account, as the fake knows it."""

    project: str
    email: str
    key_id: str
    public_pem: str


def error(status: int, code: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    """A body as Google writes it."""
    said = {"code": status, "message": message, "status": code, "details": list(details)}
    return {"error": said}


def check_assertion(
    form: Mapping[str, str], accounts: Mapping[str, Account], audience: str, now: float
) -> Account:
    """The account that asks for a token. Raises RefusedError."""
    if form.get("grant_type") != GRANT:
        raise _oauth("unsupported_grant_type")
    assertion = form.get("assertion", "")
    try:
        head = jwt.get_unverified_header(assertion)
        claims = jwt.decode(assertion, options={"verify_signature": False})
        account = accounts[claims["iss"]]
        jwt.decode(
            assertion,
            account.public_pem,
            algorithms=["RS256"],
            audience=[audience, REAL_AUDIENCE],
            options={"verify_exp": False, "verify_iat": False},
        )
    except (jwt.PyJWTError, KeyError) as problem:
        raise _oauth("invalid_grant") from problem
    issued, expires = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or type(expires) is not int:
        raise _oauth("invalid_grant")
    if not issued - 60 <= now <= expires or expires - issued > 3600:
        raise _oauth("invalid_grant")
    if head.get("kid") != account.key_id:
        raise _oauth("invalid_grant")
    if SCOPE not in str(claims.get("scope", "")).split():
        raise _oauth("invalid_scope")
    return account


def _oauth(word: str) -> RefusedError:
    return RefusedError(400, word, {"error": word, "error_description": "refused"})


def check_message(body: bytes) -> dict[str, Any]:
    """The request's JSON. Raises RefusedError, 400, for what is no message to a device."""
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


def _check_android(android: dict[str, Any]) -> None:
    if float(android.get("ttl", "0s")[:-1]) > MAX_TTL_S:
        raise _invalid("ttl", "message.android.ttl")
    shown = android.get("notification", {})
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


def unregistered() -> dict[str, Any]:
    detail = {"@type": FCM_ERROR, "errorCode": "UNREGISTERED"}
    return error(404, "NOT_FOUND", "Requested entity was not found.", detail)


def sender_id_mismatch() -> dict[str, Any]:
    detail = {"@type": FCM_ERROR, "errorCode": "SENDER_ID_MISMATCH"}
    return error(403, "PERMISSION_DENIED", "SenderId mismatch", detail)


def invalid_token() -> dict[str, Any]:
    detail = {"@type": FCM_ERROR, "errorCode": "INVALID_ARGUMENT"}
    message = "The registration token is not a valid FCM registration token"
    return error(400, "INVALID_ARGUMENT", message, detail)
