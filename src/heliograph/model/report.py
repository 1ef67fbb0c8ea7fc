"""What became of a publish, and of each user it was for: counted, and as JSON shows it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from heliograph.model.event import EventKind
from heliograph.model.forecast import forecast_of
from heliograph.model.ids import DeviceId, InstanceId, PublishId, UserId
from heliograph.model.publish import PublishState
from heliograph.model.shard import Shard

COUNTED = (
    "targets",
    "delivered",
    "failed",
    "removed",
    "untied",
    "cancelled",
    "retried",
    "acknowledged",
    "opened",
)
"""What is counted of each platform."""
RETRIED = "retried"
"""What a verdict is called after which the target is tried again."""
REPORTED_AS = {EventKind.DELIVERY: "acknowledged", EventKind.OPEN: "opened"}


class Stage(StrEnum):
    """How far a publish is, in one word for all that it depends on."""

    UNDER_WAY = "under way"
    FINISHED = "finished"
    PAUSED = "paused"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A publish without what became of it."""

    publish_id: PublishId
    audience: str
    names: Sequence[str]
    """The users, or the interests."""
    accepted_at: datetime
    state: PublishState
    finished_at: datetime | None

    @property
    def stage(self) -> Stage:
        if self.state is PublishState.CANCELLED:
            return Stage.CANCELLED
        if self.finished_at is not None:
            # Also one that was paused when all of it was with a gateway already.
            return Stage.FINISHED
        return Stage.PAUSED if self.state is PublishState.PAUSED else Stage.UNDER_WAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Listed):
    """What became of a publish so far."""

    instance_id: InstanceId
    shards: Sequence[Shard]
    counts: Mapping[str, Mapping[str, int]]
    """By platform: targets, delivered, failed, removed, untied, cancelled; retried, acknowledged,
    opened; and each reason behind what it was counted as: `failed: HTTP 413`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What became of one target in one try, or what its device reported."""

    device_id: DeviceId
    user_id: UserId
    outcome: str
    reason: str = ""


class UserOutcome(StrEnum):
    """What became of one user."""

    DELIVERED = "delivered"
    """At least one device's gateway took it."""
    FAILED = "failed"
    """There were devices, and none of their gateways took it."""
    NO_DEVICES = "no devices"
    """None that it was for, or none any more when their turn came."""
    CANCELLED = "cancelled"
    UNDER_WAY = "under way"
    """Nothing is delivered yet, and not all is settled."""


@dataclass(slots=True)
class UserReport:
    """What became of one user of a publish so far."""

    user_id: UserId
    outcome: UserOutcome = UserOutcome.UNDER_WAY
    devices: set[DeviceId] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)


def user_reports(
    publish: Listed, user_ids: Sequence[UserId], said: Iterable[Said]
) -> list[UserReport]:
    """One for each user, from all that was said of these, try by try."""
    reports = {user_id: UserReport(user_id) for user_id in user_ids}
    for one in said:
        report = reports[one.user_id]
        report.devices.add(one.device_id)
        report.counts[one.outcome] += 1
        if one.reason and one.outcome != RETRIED:
            report.counts[f"{one.outcome}: {one.reason}"] += 1
    for report in reports.values():
        report.outcome = _outcome_of(publish, report)
    return list(reports.values())


def _outcome_of(publish: Listed, report: UserReport) -> UserOutcome:
    counts = report.counts
    if counts["delivered"]:
        return UserOutcome.DELIVERED
    if publish.finished_at is None:
        return UserOutcome.UNDER_WAY
    if counts["failed"] or counts["removed"]:
        return UserOutcome.FAILED
    if publish.state is PublishState.CANCELLED and not counts["untied"]:
        return UserOutcome.CANCELLED
    return UserOutcome.NO_DEVICES


def reasons_in(counts: Mapping[str, int]) -> dict[str, int]:
    """Why targets failed or were removed, in the gateways' words."""
    return {name: number for name, number in counts.items() if ": " in name}


def shown_report(report: Report, *, now: datetime) -> dict[str, object]:
    """The report as JSON has it."""
    forecast = forecast_of(report.shards, report.counts, accepted_at=report.accepted_at, now=now)
    return {
        "publishId": report.publish_id,
        "instanceId": report.instance_id,
        "audience": report.audience,
        "names": report.names,
        "acceptedAt": report.accepted_at,
        "finishedAt": report.finished_at,
        "state": report.stage,
        "settledDevices": forecast.settled,
        "expectedDevices": forecast.expected,
        "endsAt": forecast.ends_at,
        "platforms": {
            platform: _shown_counts(counts) for platform, counts in report.counts.items()
        },
    }


_NAMES_LISTED = 10


def shown_listed(listed: Listed) -> dict[str, object]:
    """A publish in a list: of its names the first few alone, as there may be a thousand."""
    return {
        "publishId": listed.publish_id,
        "audience": listed.audience,
        "names": listed.names[:_NAMES_LISTED],
        "nameCount": len(listed.names),
        "acceptedAt": listed.accepted_at,
        "finishedAt": listed.finished_at,
        "state": listed.stage,
    }


def shown_user(report: UserReport) -> dict[str, object]:
    """A user's part of a report as JSON has it."""
    return {
        "userId": report.user_id,
        "outcome": report.outcome,
        **_shown_counts({**report.counts, "targets": len(report.devices)}),
    }


def shown_names(names: Sequence[str], *, most: int = 5) -> str:
    """The first few of them, and how many there are besides."""
    first = ", ".join(names[:most])
    return first if len(names) <= most else f"{first} and {len(names) - most} more"


def _shown_counts(counts: Mapping[str, int]) -> dict[str, object]:
    return {**{name: counts.get(name, 0) for name in COUNTED}, "reasons": reasons_in(counts)}
