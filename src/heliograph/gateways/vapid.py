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

from heliograph.model.instance import VapidKey

_LIFETIME = timedelta(hours=12)
"""Services refuse more than 24 hours from their own clock."""
_RENEWED_AFTER = _LIFETIME / 2
_MAX_SIGNATURES = 10_000


def new_vapid_key() -> VapidKey:
    """A key pair for a new instance."""
    private = ec.generate_private_key(ec.SECP256R1())
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return VapidKey(base64.urlsafe_b64encode(point).rstrip(b"=").decode(), pem)


class VapidSigner:
    """Signs once for each key and origin, and uses the signature again while it is fresh.

    contact: `mailto:` or `https:` URI at which a push service finds who is sending; without one
    the claim is left out, which Apple's service refuses.
    """

    def __init__(self, contact: str | None, now: Callable[[], datetime]) -> None:
        self._contact = contact
        self._now = now
        self._signatures: OrderedDict[tuple[str, str], tuple[datetime, str]] = OrderedDict()

    def authorization(self, key: VapidKey, origin: str) -> str:
        """The Authorization header for a push service: scheme, host and port of the endpoint."""
        now = self._now()
        known = self._signatures.get((key.public_key, origin))
        if known is not None and now - known[0] < _RENEWED_AFTER:
            return known[1]
        header = f"vapid t={self._sign(key, origin, now)}, k={key.public_key}"
        self._signatures[key.public_key, origin] = (now, header)
        if len(self._signatures) > _MAX_SIGNATURES:
            self._signatures.popitem(last=False)
        return header

    def forget(self, key: VapidKey, origin: str) -> None:
        """Sign anew next time: the service did not take the signature."""
        self._signatures.pop((key.public_key, origin), None)

    def _sign(self, key: VapidKey, origin: str, now: datetime) -> str:
        claims = {"aud": origin, "exp": int((now + _LIFETIME).timestamp())}
        if self._contact is not None:
            claims["sub"] = self._contact
        return jwt.encode(claims, key.private_pem, "ES256")
