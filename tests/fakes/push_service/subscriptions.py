"""Subscriptions, and what has been sent to each."""

import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes.push_service import base64url
from tests.fakes.push_service.answers import Answer, Vendor
from tests.fakes.push_service.encryption import plaintext_of
from tests.fakes.push_service.vendors import mozilla

TOKEN_BYTES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A push message that the service has taken."""

    version: str
    order: int
    text: str | None  # None: no payload, or only the browser can decrypt it
    headers: Mapping[str, str]
    arrived_at: float


class UserAgent(Protocol):
    """What a subscription belongs to."""

    def read(self, body: bytes) -> str | None:
        """Decrypt a body as far as the service can. Raises: RefusedError."""
        ...

    async def receive(self, subscription: "Subscription", message: Message, body: bytes) -> None:
        """Take delivery of a message."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """An answer that was ordered in advance."""

    answer: Answer
    delay_s: float
    delivers: bool


@dataclass(slots=True, kw_only=True, eq=False)
class Subscription:
    """One endpoint. vapid_key: 65 bytes, the only one that may send to it."""

    vapid_key: bytes
    user_agent: UserAgent
    vendor: Vendor = mozilla
    token: str = field(default_factory=lambda: secrets.token_urlsafe(TOKEN_BYTES))
    expired: bool = False
    messages: list[Message] = field(default_factory=list)
    scripts: deque[Script] = field(default_factory=deque)


class LoopbackUserAgent:
    """A user agent without a browser: it decrypts, and that is all."""

    def __init__(self) -> None:
        self._private_key = ec.generate_private_key(ec.SECP256R1())
        self._auth = secrets.token_bytes(16)

    def keys(self) -> dict[str, Any]:
        public_key = self._private_key.public_key()
        p256dh = public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"p256dh": base64url.encode(p256dh), "auth": base64url.encode(self._auth)}

    def read(self, body: bytes) -> str:
        return plaintext_of(body, self._private_key, self._auth).decode(errors="replace")

    async def receive(self, subscription: Subscription, message: Message, body: bytes) -> None:
        """Do nothing: the subscription's own list of messages is all there is to see."""
