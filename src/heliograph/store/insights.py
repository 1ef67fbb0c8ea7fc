"""Insights: what became of messages, added up by hour. No read of them touches a raw event.

They are counted where things become true, in the same transaction, and not derived from the
publishes' counts later: so they are exact without a job that must know where it was, and stay when
publishes are forgotten. It costs one row's upsert for a publish, a batch, a report: all names are
columns of it. That row is one of a few, by chance, so that those who count at once seldom meet.

Who counts here does it after a publish's counts and before its shards: the order in which all lock.
"""

import random
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Row, and_, delete, func, select, type_coerce
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId
from heliograph.model.insights import COUNTED, HOUR, By, Figures, Group, Insights, hour_of
from heliograph.model.publish import AudienceKind
from heliograph.store import device_counts, instances
from heliograph.store.schema import insights

_PARTS = 16
_OF_ALL_PLATFORMS = ""
"""The platform of publishes: one may be for several."""
_FOLDED_AFTER = 2 * HOUR
"""When few count in an hour any more: what devices report late."""
_REPORTED_WITHIN = timedelta(days=31)
"""A message waits at most 28 days for its device."""
_HOURS_AT_ONCE = 100


class Of(NamedTuple):
    """What figures are of: the hour in which a publish was accepted, its kind, a platform."""

    at: datetime
    audience: AudienceKind
    platform: str

    @classmethod
    def hour(cls, audience: AudienceKind, platform: Platform | None, accepted_at: datetime) -> "Of":
        """platform: None for publishes, one of which may be for several."""
        return cls(hour_of(accepted_at), audience, platform or _OF_ALL_PLATFORMS)


async def count(
    tx: AsyncConnection, instance_id: InstanceId, new: Mapping[Of, Mapping[str, int]]
) -> None:
    """Add to figures, by the names in COUNTED; others are passed over.

    The caller holds the instance, or a batch.
    """
    # One part and one order for all of them, so that two don't wait for each other's rows.
    part = random.randrange(_PARTS)  # noqa: S311  # any will do
    rows = [
        {
            "instance_id": instance_id,
            "hour": of.at,
            "audience": of.audience,
            "platform": of.platform,
            "part": part,
            **{name: figures.get(name, 0) for name in COUNTED},
        }
        for of, figures in sorted(new.items(), key=lambda one: one[0])
    ]
    if rows:
        await tx.execute(_COUNT, rows)


# Built once: to build it costs more than to run it.
_NEW = insert(insights)
_COUNT = _NEW.on_conflict_do_update(
    index_elements=list(insights.primary_key),
    set_={name: insights.c[name] + _NEW.excluded[name] for name in COUNTED},
)


async def read(
    tx: AsyncConnection, instance_id: InstanceId, since: datetime, until: datetime, by: By | None
) -> Insights:
    """The figures of the hours that begin from `since` on, before `until`, and told apart.

    Hours in which nothing was published are left out. Publishes belong to no platform.
    """
    within = _within(instance_id, since, until)
    found = await _grouped(tx, within, by or By.KIND)
    return Insights(
        since=hour_of(since),
        until=until,
        total=sum((group.figures for group in found), Figures()),
        by=by,
        groups=[] if by is None else [one for one in found if one.key != _OF_ALL_PLATFORMS],
        devices=await device_counts.newest(tx, instance_id, before=until),
    )


async def _grouped(tx: AsyncConnection, within: ColumnElement[bool], by: By) -> list[Group]:
    key = _KEYS[by].label("key")
    chosen = select(key, *_SUMS).where(within).group_by(key).order_by(key)
    return [
        Group(key=_day(row.key) if by is By.DAY else row.key, figures=_figures_of(row))
        for row in await tx.execute(chosen)
    ]


def _day(number: int) -> datetime:
    return datetime.fromtimestamp(number * _DAY_MS / 1000, UTC)


_DAY_MS = 24 * 60 * 60 * 1000
_KEYS: Mapping[By, ColumnElement[Any]] = {
    By.HOUR: insights.c.hour,
    # How many days after 1970: as it is stored, an instant is a number of milliseconds.
    By.DAY: type_coerce(insights.c.hour, BigInteger) // _DAY_MS,
    By.PLATFORM: insights.c.platform,
    By.KIND: insights.c.audience,
}
_SUMS = [func.coalesce(func.sum(insights.c[name]), 0).label(name) for name in COUNTED]


def _figures_of(row: Row[tuple[int, ...]]) -> Figures:
    return Figures(**{name: int(getattr(row, name)) for name in COUNTED})


async def fold(tx: AsyncConnection, instance_id: InstanceId, *, now: datetime) -> bool:
    """Put the parts of hours that are over together, some hours at a time. True: there may be more.

    What is read is the same then, in a sixteenth of the rows. Who counts there at this moment makes
    a part anew, which is folded next time.
    """
    if not await instances.hold(tx, instance_id):
        return False
    spread = and_(
        _within(instance_id, now - _REPORTED_WITHIN, hour_of(now - _FOLDED_AFTER)),
        insights.c.part != 0,
    )
    column = insights.c.hour
    chosen = select(column).where(spread).distinct().order_by(column).limit(_HOURS_AT_ONCE)
    hours = (await tx.scalars(chosen)).all()
    # Who counts holds one such row, and asks for none after it: nobody waits for us in a circle.
    these = and_(insights.c.instance_id == instance_id, column.in_(hours))
    taken = await tx.execute(delete(insights).where(these).returning(insights))
    together: dict[tuple[datetime, str, str], Figures] = {}
    for row in taken:
        key = row.hour, row.audience, row.platform
        together[key] = together.get(key, Figures()) + _figures_of(row)
    if not together:
        return False
    rows = [
        {
            "instance_id": instance_id,
            "hour": hour,
            "audience": audience,
            "platform": platform,
            "part": 0,
            **asdict(figures),
        }
        for (hour, audience, platform), figures in together.items()
    ]
    await tx.execute(_COUNT, rows)
    return len(hours) == _HOURS_AT_ONCE


async def prune(tx: AsyncConnection, instance_id: InstanceId, *, before: datetime) -> bool:
    """Forget hours before this one, some at a time. True: there are more."""
    hour = insights.c.hour
    over = and_(insights.c.instance_id == instance_id, hour < before)
    last = await tx.scalar(
        select(hour).where(over).distinct().order_by(hour).offset(_HOURS_AT_ONCE).limit(1)
    )
    await tx.execute(delete(insights).where(over, hour < (last or before)))
    return last is not None


def _within(instance_id: InstanceId, since: datetime, until: datetime) -> ColumnElement[bool]:
    return and_(
        insights.c.instance_id == instance_id,
        insights.c.hour >= hour_of(since),
        insights.c.hour < until,
    )
