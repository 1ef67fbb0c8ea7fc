"""What a gateway said of one target, as a value. Nothing is decided by raising or logging."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """How long to wait between tries: `first`, doubling up to `longest`, each +-50 %."""

    first: timedelta = timedelta(seconds=10)
    longest: timedelta = timedelta(minutes=10)
    after_two: timedelta | None = None
    """From the third wait on at least so long."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The gateway took the message. Whether the device got it, an acknowledgement tells."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now. `after`: what the gateway asked for; it wins over the back-off if it is longer."""

    reason: str
    after: timedelta | None = None
    back_off: BackOff = BackOff()


@dataclass(frozen=True, slots=True)
class Postponed:
    """Nothing was sent, since the gateway had asked to wait. It is no try."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class Drop:
    """The message will never be taken; the device is kept."""

    reason: str


@dataclass(frozen=True, slots=True)
class HostLost:
    """The host of the push token can't be found, or must not be reached; nothing was sent.

    then: what becomes of the message. A device whose host stays lost for a week is removed.
    """

    then: Retry | Drop

    @property
    def reason(self) -> str:
        return self.then.reason


@dataclass(frozen=True, slots=True)
class DeviceGone:
    """The gateway no longer knows the push token; the device is removed.

    mismatch: it may as well be our fault (another environment, topic or key than the token is of).
    Then the device is removed only if others, with the same credential, are reached.
    """

    reason: str
    mismatch: bool = False


@dataclass(frozen=True, slots=True)
class CredentialRefused:
    """The gateway refused our credential: no fault of the device, nothing is removed.

    final: the same request must not be made again with the same credential.
    pauses: it was not about this device alone, so others had better wait, too.
    """

    reason: str
    final: bool = False
    pauses: bool = True


Verdict = Delivered | Retry | Postponed | Drop | HostLost | DeviceGone | CredentialRefused
