"""Insights: how many messages of an instance went which way, hour by hour.

What each number means, and where the rates come from, is in docs/insights.md. All of them belong to
the hour in which their publish was accepted, whenever they become known: so a rate compares what
was reported of messages with the same messages, and no hour has more answers than questions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from heliograph.model.device import Platform
from heliograph.model.errors import Invalid
from heliograph.model.limits import MAX_INSIGHTS_DAYS, MAX_INSIGHTS_DAYS_BY_HOUR

HOUR = timedelta(hours=1)


class By(StrEnum):
    """What insights are told apart by. kind: publishes to users, and to interests."""

    HOUR = "hour"
    DAY = "day"
    PLATFORM = "platform"
    KIND = "kind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is counted. A publish counts once; all the others count devices that it was for."""

    publishes: int = 0
    targets: int = 0
    delivered: int = 0
    failed: int = 0
    removed: int = 0
    trackable: int = 0
    """Delivered to devices that report back that it arrived."""
    acknowledged: int = 0
    openable: int = 0
    """Acknowledged, and shown by the system: there was something to tap."""
    opened: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(**{name: getattr(self, name) + getattr(other, name) for name in COUNTED})

    @property
    def acknowledgement_rate(self) -> float | None:
        """From 0 to 1; None if nothing was trackable."""
        return _share(self.acknowledged, self.trackable)

    @property
    def open_rate(self) -> float | None:
        """From 0 to 1; None if nothing was openable."""
        return _share(self.opened, self.openable)


COUNTED = tuple(one.name for one in fields(Figures))


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The figures of one hour, day, platform or kind."""

    key: str | datetime
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCount:
    """How many devices there were at a time. active: seen within 30 days."""

    platform: Platform
    subscribers: int
    active: int
    counted_at: datetime
    took: timedelta
    """How long it took to count all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insights:
    """The figures of the hours that begin from `since` on, before `until`."""

    since: datetime
    until: datetime
    total: Figures
    by: By | None
    groups: Sequence[Group]
    """Told apart by `by`; none without."""
    devices: Sequence[DeviceCount]
    """As they were counted last before `until`; none if they weren't yet."""


def document_of(insights: Insights) -> dict[str, Any]:
    """The insights as JSON has them."""
    return {
        "since": insights.since,
        "until": insights.until,
        "by": insights.by,
        "total": _with_rates(insights.total, COUNTED),
        "groups": [
            {"key": one.key, **_with_rates(one.figures, counted_by(insights.by))}
            for one in insights.groups
        ],
        "devices": {
            one.platform: {
                "subscribers": one.subscribers,
                "active": one.active,
                "countedAt": one.counted_at,
            }
            for one in insights.devices
        },
    }


def parse_range(
    since: datetime | None, until: datetime | None, by: By | None, now: datetime
) -> tuple[datetime, datetime]:
    """The range that is meant: the last 30 days if nothing is said. Raises Invalid."""
    until = now if until is None else until
    if not _FIRST <= until <= _LAST:
        raise Invalid("until", f"until must be from {_FIRST.year} to {_LAST.year}")
    since = until - _USUAL if since is None else since
    days = MAX_INSIGHTS_DAYS_BY_HOUR if by is By.HOUR else MAX_INSIGHTS_DAYS
    if not until - timedelta(days=days) <= since < until:
        of_hours = ", hour by hour" if by is By.HOUR else ""
        raise Invalid("since", f"since must be before until, by at most {days} days{of_hours}")
    return since, until


_USUAL = timedelta(days=30)
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def counted_by(by: By | None) -> Sequence[str]:
    """What a group has: a publish belongs to no platform, as it may be for several."""
    return [name for name in COUNTED if by is not By.PLATFORM or name != "publishes"]


def _with_rates(figures: Figures, names: Sequence[str]) -> dict[str, Any]:
    return {
        **{name: getattr(figures, name) for name in names},
        "acknowledgementRate": figures.acknowledgement_rate,
        "openRate": figures.open_rate,
    }


def hour_of(now: datetime) -> datetime:
    """When the hour began."""
    return now.replace(minute=0, second=0, microsecond=0)


def day_of(now: datetime) -> datetime:
    """When the day began, in UTC."""
    return hour_of(now).replace(hour=0)


def _share(part: int, whole: int) -> float | None:
    # A device reports what it can, also if it was not expected to: Macs tell of opens alone.
    return min(part / whole, 1.0) if whole else None
