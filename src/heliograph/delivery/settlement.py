"""Settlements: what became of targets in one try, and what is to be believed of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from heliograph.model.answers import Answers
from heliograph.model.device import Device
from heliograph.model.limits import HOST_LOST_TIME
from heliograph.model.verdict import (
    CredentialRefused,
    Delivered,
    DeviceGone,
    Drop,
    HostLost,
    Retry,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Untied:
    """Nothing was sent: the device is gone, or no longer the user's."""


@dataclass(frozen=True, slots=True)
class Expired:
    """Nothing was sent: the message's time to live is over, or the time to try."""

    reason: str = "the time to live is over"


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Nothing was sent: the publish was cancelled."""


Said = Verdict | Untied | Expired | Cancelled


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one target in one try."""

    position: int
    device: Device | None
    said: Said


def reason_of(said: Said) -> str:
    """Why it was not delivered, in the gateway's words; empty if there is nothing to say."""
    match said:
        case DeviceGone() | Drop() | Retry() | CredentialRefused() | Expired() | HostLost():
            return said.reason
        case _:
            return ""


def lost_for_good(settlement: Settlement, now: datetime) -> Settlement:
    """The settlement; if the device's host has been lost for a week, then that it is gone."""
    said, device = settlement.said, settlement.device
    if not isinstance(said, HostLost) or device is None or device.lost_since is None:
        return settlement
    if device.lost_since > now - HOST_LOST_TIME:
        return settlement
    return replace(settlement, said=DeviceGone(f"{said.reason}, for a week"))


def refusal_in(believed: Sequence[Settlement]) -> CredentialRefused | None:
    """The first word against our credential that speaks of all devices, not of one alone."""
    for one in believed:
        if isinstance(one.said, CredentialRefused) and one.said.pauses:
            return one.said
    return None


def answers_in(settlements: Sequence[Settlement]) -> Answers:
    """How many answers of each kind the brake counts."""
    said = [one.said for one in settlements]
    gone = [one for one in said if isinstance(one, DeviceGone)]
    return Answers(
        delivered=sum(isinstance(one, Delivered) for one in said),
        gone=sum(not one.mismatch for one in gone),
        mismatched=sum(one.mismatch for one in gone),
    )


def believed_of(said: Said, lately: Answers) -> Said:
    """The same; that a device is gone is laid to our own credential, if it had better be."""
    if not isinstance(said, DeviceGone):
        return said
    if lately.believes_mismatches if said.mismatch else lately.believes_gone:
        return said
    return CredentialRefused(said.reason, final=True, pauses=lately.speaks_against_us)
