"""What all gateways have in common: a message goes in, a verdict comes out.

A gateway is bound to one credential and has connections of its own; another credential is another
gateway. `OpenGateway` makes one, and closes its connections at the end.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from heliograph.model.credential import Credential
from heliograph.model.device import Device
from heliograph.model.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one batch's devices get: the same for each, but for what its gateway adds."""

    body: bytes
    """web: the plaintext. apns: the payload. fcm: the request, ready for the token to be added."""
    headers: Mapping[str, str]
    """What goes beside it: `Urgency` and `Topic`, or `apns-…`."""
    expires_at: datetime
    """From then on nobody wants it any more."""

    def time_to_live(self, now: datetime) -> timedelta:
        return max(self.expires_at - now, timedelta())


class Gateway(Protocol):
    """One credential's way to the devices of a platform."""

    async def send(self, message: Message, device: Device) -> Verdict:
        """Hand the message over for the device. Never raises for what a gateway or network does."""
        ...


OpenGateway = Callable[[Credential], AbstractAsyncContextManager[Gateway]]
