"""What the SDKs of phones keep on the phone, and the jobs they queue there until they are done."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Start:
    """Register. previous: device ids of the app's life before, which the Android SDK lists."""

    token: str
    previous: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """Give the device another push token."""

    token: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Add an interest."""

    interest: str


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Take an interest away."""

    interest: str


@dataclass(frozen=True, slots=True)
class SetSubscriptions:
    """Replace all interests."""

    interests: frozenset[str]


@dataclass(frozen=True, slots=True)
class ApplicationStart:
    """Tell the server of new versions, and interests it may not have."""


@dataclass(frozen=True, slots=True)
class SetUser:
    """Tie the device to a user."""

    user_id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Delete the device."""


@dataclass(frozen=True)
class Report:
    """Say what happened to a notification; the Swift SDK alone queues it with the rest."""

    event: dict[str, Any]


InterestJob = Subscribe | Unsubscribe | SetSubscriptions
Job = Start | RefreshToken | InterestJob | ApplicationStart | SetUser | Stop | Report


@dataclass
class Storage:
    """The files of the SDK: they outlive the process.

    confirmed_interests: what the server is known to have; the SDKs keep a hash of it.
    reported: publish ids with the kind of the event.
    """

    device_id: str | None = None
    token: str | None = None
    user_id: str | None = None
    interests: frozenset[str] = frozenset()
    confirmed_interests: frozenset[str] | None = None
    confirmed_metadata: dict[str, str] | None = None
    start_is_queued: bool = False
    jobs: list[Job] = field(default_factory=list)
    reported: set[tuple[str, str]] = field(default_factory=set)

    def forget_device(self) -> None:
        """What a stop leaves behind."""
        self.device_id = self.token = self.user_id = None
        self.confirmed_interests = self.confirmed_metadata = None

    @property
    def next_job(self) -> int | None:
        """Which job is to be done: before there is a device, the others wait for a Start."""
        for index, job in enumerate(self.jobs):
            if self.device_id is not None or isinstance(job, Start):
                return index
        return None


def interests_after(initial: Iterable[str], jobs: Sequence[Job]) -> frozenset[str]:
    """The interests when the jobs are done, if they begin as the server says."""
    first = interests = frozenset(initial)
    for job in jobs:
        match job:
            case Subscribe(interest):
                interests |= {interest}
            case Unsubscribe(interest):
                interests -= {interest}
            case SetSubscriptions(wanted):
                interests = wanted
            case Stop():
                interests = first
            case _:
                pass
    return interests


def interests_changed(interests: frozenset[str], job: InterestJob) -> frozenset[str]:
    return interests_after(interests, [job])


def request_of(
    job: InterestJob, part: Callable[[str], str]
) -> tuple[str, str, dict[str, list[str]] | None]:
    """Method, path below the device, and body. part: how the SDK writes a part of a path."""
    match job:
        case Subscribe(interest):
            return "POST", f"/interests/{part(interest)}", None
        case Unsubscribe(interest):
            return "DELETE", f"/interests/{part(interest)}", None
        case SetSubscriptions(interests):
            return "PUT", "/interests", listed(interests)


def listed(interests: frozenset[str]) -> dict[str, list[str]]:
    """The body that replaces all interests."""
    return {"interests": sorted(interests)}
