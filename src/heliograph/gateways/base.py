"""What all gateways have in common: a message goes in, a verdict comes out."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from heliograph.model.device import Device, Platform
from heliograph.model.instance import VapidKey
from heliograph.model.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one batch's devices get: the same bytes for each."""

    body: bytes
    time_to_live: timedelta
    urgency: str | None = None
    """very-low, low, normal or high; None leaves it to the gateway."""
    topic: str | None = None
    """A message replaces one of the same topic that has not reached the device yet."""


class Gateway(Protocol):
    """One platform's way to its devices."""

    platform: Platform

    async def send(self, message: Message, device: Device, credential: VapidKey) -> Verdict:
        """Hand the message over for the device. Never raises for what a gateway or network does."""
        ...
