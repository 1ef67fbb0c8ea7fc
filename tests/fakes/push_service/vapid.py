"""VAPID (RFC 8292) verified on bare cryptographic primitives, without a JWT library."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes import es256
from tests.fakes.push_service import base64url
from tests.fakes.push_service.answers import Vendor
from tests.fakes.push_service.refusals import RefusedError, Rule

MAX_LIFETIME_S = 24 * 60 * 60
_MAIL = re.compile(r"mailto:[^\s<>@]+@([^\s<>@]+)")
_PARAMETER = re.compile(r"([a-z]+)=([^,\s]+)")


def check_vapid(authorization: str | None, vapid_key: bytes, origin: str, now: float) -> None:
    """Check the Authorization header of one message.

    vapid_key: what the subscription was made with, 65 bytes. now: seconds since the epoch.
    """
    if authorization is None:
        raise RefusedError(Rule.AUTHORIZATION, "missing")
    claims, signer = _signed_claims(authorization)
    if signer != vapid_key:
        raise RefusedError(
            Rule.VAPID_KEY_MISMATCH, "not the key that the subscription was made with"
        )
    if claims.get("aud") != origin:
        raise RefusedError(Rule.VAPID_AUDIENCE, f"{claims.get('aud')!r} instead of {origin!r}")
    _check_expiry(claims.get("exp"), now)
    _check_subject(claims.get("sub"))


@dataclass(slots=True)
class Renewals:
    """When the senders changed their tokens: at each vendor, with each key."""

    _latest: dict[tuple[str, bytes], tuple[str, float]] = field(default_factory=dict)

    def check(self, vendor: Vendor, vapid_key: bytes, authorization: str, now: float) -> None:
        """Note the token of a message. Raises: RefusedError if the one before was too young."""
        key = (vendor.TARGET, vapid_key)
        latest, since = self._latest.get(key, ("", -math.inf))
        if authorization == latest:
            return
        if now - since < vendor.LEAST_RENEWAL_S:
            detail = f"after {now - since:.0f} s, not {vendor.LEAST_RENEWAL_S}"
            raise RefusedError(Rule.VAPID_RENEWAL, detail)
        self._latest[key] = (authorization, now)


# A sender keeps one token for hours, so the costly half of the check is worth remembering.
@lru_cache(maxsize=256)
def _signed_claims(authorization: str) -> tuple[Mapping[str, Any], bytes]:
    token, key = _credentials(authorization)
    try:
        raw_key = base64url.decode(key)
        public_key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw_key)
    except ValueError as error:
        raise RefusedError(Rule.VAPID_KEY, str(error)) from error
    header, claims, signature = _token_parts(token)
    if header.get("alg") != "ES256" or header.get("typ") != "JWT":
        raise RefusedError(Rule.VAPID_ALGORITHM, repr(header))
    _check_signature(public_key, signature, token.rpartition(".")[0].encode())
    return claims, raw_key


def _credentials(authorization: str) -> tuple[str, str]:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "vapid":
        raise RefusedError(Rule.VAPID_SCHEME, repr(scheme))
    matches = [_PARAMETER.fullmatch(part.strip()) for part in rest.split(",")]
    parameters = {match[1]: match[2] for match in matches if match}
    if len(matches) != len(parameters) or set(parameters) != {"t", "k"}:
        raise RefusedError(Rule.VAPID_PARAMETERS, f"not exactly t and k: {sorted(parameters)}")
    return parameters["t"], parameters["k"]


def _token_parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    try:
        header_json, claims_json, signature = map(base64url.decode, token.split("."))
        header, claims = json.loads(header_json), json.loads(claims_json)
    except ValueError as error:
        raise RefusedError(Rule.VAPID_JWT, str(error)) from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise RefusedError(Rule.VAPID_JWT, "header and claims must be JSON objects")
    return header, claims, signature


def _check_signature(key: ec.EllipticCurvePublicKey, signature: bytes, signed: bytes) -> None:
    if len(signature) != es256.SIGNATURE_BYTES:
        raise RefusedError(Rule.VAPID_SIGNATURE, f"{len(signature)} bytes, not a raw signature")
    if not es256.verifies(key, signature, signed):
        raise RefusedError(Rule.VAPID_SIGNATURE, "does not verify with k")


def _check_expiry(exp: object, now: float) -> None:
    if isinstance(exp, bool) or not isinstance(exp, int | float):
        raise RefusedError(Rule.VAPID_EXPIRY, f"not a number: {exp!r}")
    if not now < exp <= now + MAX_LIFETIME_S:
        raise RefusedError(Rule.VAPID_EXPIRY, f"{exp - now:.0f} s from now, not within 24 h")


def _check_subject(subject: object) -> None:
    host = _host_of(subject) if isinstance(subject, str) else None
    if not host or host == "localhost" or host.endswith(".localhost"):
        raise RefusedError(Rule.VAPID_SUBJECT, repr(subject))


def _host_of(subject: str) -> str | None:
    mail = _MAIL.fullmatch(subject)
    if mail:
        return mail[1].lower()
    try:
        url = urlsplit(subject)
    except ValueError:
        return None
    return url.hostname if url.scheme == "https" else None
