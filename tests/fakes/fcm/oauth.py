"""What Google's token endpoint checks: RFC 7523 with RS256, on bare cryptographic primitives.

Google Identity, "Using OAuth 2.0 for Server to Server Applications".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.fakes.fcm.rules import RefusedError, media_type
from tests.fakes.push_service import base64url

FORM = "application/x-www-form-urlencoded"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REAL_AUDIENCE = "https://oauth2.googleapis.com/token"
"""What Google's own library writes, wherever it sends it."""
SCOPES = {
    "https://www.googleapis.com/auth/firebase.messaging",
    "https://www.googleapis.com/auth/cloud-platform",
}
MAX_LIFETIME_S = 3600
MAX_CLOCK_SKEW_S = 60


@dataclass(frozen=True, slots=True)
class Account:
    """A service account, as the fake knows it."""

    project: str
    email: str
    key_id: str
    public_pem: str


def check_form(body: bytes, content_type: str) -> str:
    """The assertion in a token request. Raises RefusedError."""
    if media_type(content_type) != FORM:
        raise _refused("invalid_request", content_type)
    form = dict(parse_qsl(body.decode()))
    if form.get("grant_type") != GRANT:
        raise _refused("unsupported_grant_type", str(form.get("grant_type")))
    return form.get("assertion", "")


def check_assertion(
    assertion: str, accounts: Mapping[str, Account], audience: str, now: float
) -> Account:
    """The account that asks for a token. Raises RefusedError."""
    header, claims, signature = _parts(assertion)
    account = accounts.get(str(claims.get("iss")))
    if account is None:
        raise _refused("invalid_grant", "account not found")
    # Google's library for Node names no key: then all keys of the account are tried.
    if header.get("alg") != "RS256" or header.get("kid", account.key_id) != account.key_id:
        raise _refused("invalid_grant", "another algorithm or key")
    _check_signature(account, signature, assertion.rpartition(".")[0].encode())
    if claims.get("aud") not in {audience, REAL_AUDIENCE}:
        raise _refused("invalid_grant", "aud")
    _check_times(claims.get("iat"), claims.get("exp"), now)
    if not SCOPES & set(str(claims.get("scope", "")).split()):
        raise _refused("invalid_scope", str(claims.get("scope")))
    return account


def _parts(assertion: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    try:
        header, claims, signature = map(base64url.decode, assertion.split("."))
        parts = json.loads(header), json.loads(claims), signature
    except ValueError as error:
        raise _refused("invalid_grant", "not a JWT") from error
    if not isinstance(parts[0], dict) or not isinstance(parts[1], dict):
        raise _refused("invalid_grant", "header and claims must be objects")
    return parts


def _check_signature(account: Account, signature: bytes, signed: bytes) -> None:
    key = cast(rsa.RSAPublicKey, load_pem_public_key(account.public_pem.encode()))
    try:
        key.verify(signature, signed, padding.PKCS1v15(), SHA256())
    except InvalidSignature as error:
        raise _refused("invalid_grant", "signature") from error


def _check_times(issued: object, expires: object, now: float) -> None:
    if type(issued) is not int or type(expires) is not int:
        raise _refused("invalid_grant", "iat and exp must be integers")
    if not issued - MAX_CLOCK_SKEW_S <= now <= expires or expires - issued > MAX_LIFETIME_S:
        raise _refused("invalid_grant", "iat and exp must be within an hour")


def _refused(word: str, detail: str) -> RefusedError:
    return RefusedError(400, word, {"error": word, "error_description": detail})
