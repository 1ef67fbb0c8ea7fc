"""What a gateway said of one target, as a value. Nothing is decided by raising or logging."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Delivered:
    """The gateway took the message. Whether the device got it, an acknowledgement tells."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now. `after`: what the gateway asked for; None leaves it to the back-off."""

    reason: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """The message will never be taken; the device is kept."""

    reason: str


@dataclass(frozen=True, slots=True)
class DeviceGone:
    """The gateway no longer knows the push token; the device is removed."""

    reason: str


@dataclass(frozen=True, slots=True)
class CredentialRefused:
    """The gateway refused our credential: no fault of the device, nothing is removed."""

    reason: str


Verdict = Delivered | Retry | Drop | DeviceGone | CredentialRefused
