"""The brake: when what gateways say of devices is believed, and when it must be our own fault.

A wrong environment, topic or key makes a gateway say of every device that it is gone. So devices
are removed only while others are reached, and only as long as they are few.
"""

from dataclasses import dataclass

_FEW = 3
_FEW_PERCENT = 5
_MANY = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """How many messages of one credential had which answer in a window of time."""

    delivered: int = 0
    gone: int = 0
    """The device is no longer known, and that is no fault of ours."""
    mismatched: int = 0
    """The token may be of another environment, topic or key than ours."""

    def __add__(self, other: "Answers") -> "Answers":
        return Answers(
            delivered=self.delivered + other.delivered,
            gone=self.gone + other.gone,
            mismatched=self.mismatched + other.mismatched,
        )

    @property
    def believes_gone(self) -> bool:
        """Whether devices that are gone may be removed: not if nobody else is reached."""
        return self.delivered > 0 or self.gone < _MANY

    @property
    def believes_mismatches(self) -> bool:
        """Whether devices with a mismatch may be removed: others are reached, and they are few."""
        share = 100 * self.mismatched / max(self.delivered + self.mismatched, 1)
        return self.delivered > 0 and (self.mismatched <= _FEW or share <= _FEW_PERCENT)

    @property
    def speaks_against_us(self) -> bool:
        """Whether so many failed, and none did not, that it must be the credential."""
        return self.delivered == 0 and max(self.mismatched, self.gone) >= _MANY
