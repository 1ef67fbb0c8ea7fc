"""Who may send: provider tokens and client certificates, and what each of them allows.

Apple: "Establishing a token-based connection to APNs", "Establishing a certificate-based
connection to APNs".
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes import es256
from tests.fakes.apns.rules import SUFFIXES, RefusedError
from tests.fakes.push_service import base64url

MAX_TOKEN_AGE_S = 3600
MAX_CLOCK_SKEW_S = 60
LEAST_TOKEN_AGE_S = 20 * 60
TOPICS = x509.ObjectIdentifier("1.2.840.113635.100.6.3.6")
DEVELOPMENT = x509.ObjectIdentifier("1.2.840.113635.100.6.3.1")
PRODUCTION = x509.ObjectIdentifier("1.2.840.113635.100.6.3.2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of a team. topics, sandbox: what it is confined to; None: to nothing."""

    public: ec.EllipticCurvePublicKey
    topics: frozenset[str] | None = None
    sandbox: bool | None = None


@dataclass(slots=True, kw_only=True)
class Team:
    """The keys of a developer team, by key id."""

    keys: dict[str, Key] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderToken:
    """A token whose signature is right. issued: seconds since 1970."""

    team_id: str
    key_id: str
    key: Key
    issued: int


@dataclass(slots=True)
class Pinned:
    """What the requests so far have bound a connection to."""

    token: ProviderToken | None = None
    poisoned: bool = False

    def check(self, token: ProviderToken) -> None:
        """Bind a new connection, or compare with what it is bound to. Raises RefusedError."""
        known = self.token or token
        if known.team_id != token.team_id:
            raise RefusedError(403, "InvalidProviderToken", "another team on this connection")
        if known.key_id != token.key_id:
            raise RefusedError(403, "UnrelatedKeyIdInToken")
        hasty = token.issued != known.issued and token.issued - known.issued < LEAST_TOKEN_AGE_S
        if self.poisoned or hasty:
            self.poisoned = True
            raise RefusedError(429, "TooManyProviderTokenUpdates")
        self.token = token


def provider_token(
    header: str, teams: Mapping[str, Team], verified: dict[str, ProviderToken]
) -> ProviderToken:
    """Read an authorization header. verified: those that were right. Raises RefusedError."""
    scheme, _, text = header.partition(" ")
    if scheme != "bearer" or not text:
        raise RefusedError(403, "InvalidProviderToken", "the scheme must be bearer")
    if text not in verified:
        verified[text] = _verified(text, teams)
    token = verified[text]
    if token.issued < time.time() - MAX_TOKEN_AGE_S:
        raise RefusedError(403, "ExpiredProviderToken")
    return token


def _verified(text: str, teams: Mapping[str, Team]) -> ProviderToken:
    header, claims, signature = _parts(text)
    if header.get("alg") != "ES256" or len(signature) != es256.SIGNATURE_BYTES:
        raise RefusedError(403, "InvalidProviderToken", "must be ES256 with a raw signature")
    issued = claims.get("iat")
    if type(issued) is not int or issued > time.time() + MAX_CLOCK_SKEW_S:
        raise RefusedError(403, "InvalidProviderToken", "iat must be an integer of seconds")
    team_id, key_id = str(claims.get("iss")), str(header.get("kid"))
    team = teams.get(team_id)
    if team is None or key_id not in team.keys:
        raise RefusedError(403, "InvalidProviderToken", "unknown team or key")
    key = team.keys[key_id]
    if not es256.verifies(key.public, signature, text.rpartition(".")[0].encode()):
        raise RefusedError(403, "InvalidProviderToken", "wrong signature")
    return ProviderToken(team_id=team_id, key_id=key_id, key=key, issued=issued)


def _parts(text: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    try:
        head, claims, signature = map(base64url.decode, text.split("."))
        parts = json.loads(head), json.loads(claims), signature
    except ValueError as error:
        raise RefusedError(403, "InvalidProviderToken", "not a JWT") from error
    if not isinstance(parts[0], dict) or not isinstance(parts[1], dict):
        raise RefusedError(403, "InvalidProviderToken", "header and claims must be objects")
    return parts


def check_key(key: Key, headers: Mapping[str, str], *, sandbox: bool) -> None:
    """A key may be confined to an environment and to topics. Raises RefusedError."""
    if key.sandbox not in {None, sandbox}:
        raise RefusedError(403, "BadEnvironmentKeyIdInToken")
    if key.topics is not None and _app_of(headers) not in key.topics:
        raise RefusedError(400, "TopicDisallowed", headers.get("apns-topic", ""))


def check_certificate(der: bytes, headers: Mapping[str, str], *, sandbox: bool) -> None:
    """A certificate is for one app, and for the environments it lists. Raises RefusedError."""
    if "authorization" in headers:
        raise RefusedError(403, "InvalidProviderToken", "a certificate is enough")
    certificate = x509.load_der_x509_certificate(der)
    environments = {extension.oid for extension in certificate.extensions}
    if (DEVELOPMENT if sandbox else PRODUCTION) not in environments:
        raise RefusedError(403, "BadCertificateEnvironment")
    listed = certificate.extensions.get_extension_for_oid(TOPICS).value
    assert isinstance(listed, x509.UnrecognizedExtension)
    topic = headers.get("apns-topic", "").encode()
    # A DER UTF8String: its tag, its length, its text.
    if topic and bytes([0x0C, len(topic)]) + topic not in listed.value:
        raise RefusedError(400, "TopicDisallowed", topic.decode())


def _app_of(headers: Mapping[str, str]) -> str:
    suffix = SUFFIXES.get(headers.get("apns-push-type", ""), "")
    return headers.get("apns-topic", "").removesuffix(suffix)
