"""VAPID: how a push service knows the sender. RFC 8292."""

import base64
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from heliograph.model.credential import VapidKey

_LIFETIME = timedelta(hours=12)
"""Services refuse more than 24 hours from their own clock."""
_RENEWED_AFTER = _LIFETIME / 2
_MAX_SIGNATURES = 10_000


def new_vapid_key() -> VapidKey:
    """A key pair for a new instance."""
    return vapid_key_of(ec.generate_private_key(ec.SECP256R1()))


def vapid_key_of(private: ec.EllipticCurvePrivateKey) -> VapidKey:
    """The key pair of a private key on P-256."""
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return VapidKey(base64.urlsafe_b64encode(point).rstrip(b"=").decode(), pem)


class VapidSigner:
    """Signs once for each key and origin, and uses the signature again while it is fresh.

    When there are too many, the one that was not used for longest is forgotten.

    subject: `mailto:` or `https:` URI at which a push service finds who is sending; without one
    the claim is left out, which Apple's service refuses.
    """

    def __init__(
        self,
        subject: str | None,
        now: Callable[[], datetime],
        *,
        maximum: int = _MAX_SIGNATURES,
    ) -> None:
        self._subject = subject
        self._now = now
        self._maximum = maximum
        self._signatures: OrderedDict[tuple[str, str], tuple[datetime, str]] = OrderedDict()

    def authorization(self, key: VapidKey, origin: str) -> str:
        """The Authorization header for a push service: scheme, host and port of the endpoint."""
        name, now = (key.public_key, origin), self._now()
        known = self._signatures.get(name)
        if known is not None and now - known[0] < _RENEWED_AFTER:
            self._signatures.move_to_end(name)
            return known[1]
        header = f"vapid t={self._sign(key, origin, now)}, k={key.public_key}"
        self._signatures[name] = (now, header)
        self._signatures.move_to_end(name)
        if len(self._signatures) > self._maximum:
            self._signatures.popitem(last=False)
        return header

    def forget(self, key: VapidKey, origin: str, authorization: str) -> None:
        """Sign anew next time: the service did not take this header."""
        known = self._signatures.get((key.public_key, origin))
        if known is not None and known[1] == authorization:
            del self._signatures[key.public_key, origin]

    def _sign(self, key: VapidKey, origin: str, now: datetime) -> str:
        claims = {"aud": origin, "exp": int((now + _LIFETIME).timestamp())}
        if self._subject is not None:
            claims["sub"] = self._subject
        return jwt.encode(claims, key.private_pem, "ES256")
