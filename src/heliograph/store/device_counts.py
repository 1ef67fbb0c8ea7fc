"""How many devices an instance has on each platform, and how many of them were seen lately.

Counted now and then, page by page, in reads of their own: no row is locked, and no transaction
lasts. So a count is of no one moment, but of the seconds or minutes that it took.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId
from heliograph.model.insights import DeviceCount, hour_of
from heliograph.store import instances
from heliograph.store.schema import device_counts, devices

_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What was counted of some devices. last: behind which the next begin; None if none do."""

    subscribers: Counter[Platform]
    active: Counter[Platform]
    last: str | None


async def page(
    tx: AsyncConnection, instance_id: InstanceId, *, after: str, limit: int, seen_since: datetime
) -> Page:
    """Count the next devices in the order of their ids. Active: seen since that day."""
    behind = and_(devices.c.instance_id == instance_id, devices.c.id > after)
    some = (
        select(devices.c.id, devices.c.platform, devices.c.active_on)
        .where(behind)
        .order_by(devices.c.id)
        .limit(limit)
        .subquery()
    )
    counted = select(
        some.c.platform,
        func.count().label("subscribers"),
        func.count().filter(some.c.active_on >= seen_since).label("active"),
        func.max(some.c.id).label("last"),
    ).group_by(some.c.platform)
    rows = (await tx.execute(counted)).all()
    subscribers = Counter({Platform(row.platform): int(row.subscribers) for row in rows})
    return Page(
        subscribers=subscribers,
        active=Counter({Platform(row.platform): int(row.active) for row in rows}),
        last=max(row.last for row in rows) if subscribers.total() == limit else None,
    )


async def put(tx: AsyncConnection, instance_id: InstanceId, counts: Sequence[DeviceCount]) -> None:
    """Keep the counts; an hour keeps the last. Nothing is kept of an instance that is gone."""
    if not await instances.hold(tx, instance_id):
        return
    rows = [
        {
            "instance_id": instance_id,
            "hour": hour_of(one.counted_at),
            "platform": one.platform,
            "subscribers": one.subscribers,
            "active": one.active,
            "counted_at": one.counted_at,
            "took_ms": one.took // _MILLISECOND,
        }
        for one in sorted(counts, key=lambda one: one.platform)
    ]
    await tx.execute(_PUT, rows)


# Built once: to build it costs more than to run it.
_NEW = insert(device_counts)
_PUT = _NEW.on_conflict_do_update(
    index_elements=list(device_counts.primary_key),
    set_={name: _NEW.excluded[name] for name in ("subscribers", "active", "counted_at", "took_ms")},
)


async def newest(
    tx: AsyncConnection, instance_id: InstanceId, *, before: datetime
) -> Sequence[DeviceCount]:
    """The counts of the last hour that has some; platform by platform."""
    mine = device_counts.c.instance_id == instance_id
    hour = select(func.max(device_counts.c.hour)).where(mine, device_counts.c.hour < before)
    chosen = and_(mine, device_counts.c.hour == hour.scalar_subquery())
    ordered = select(device_counts).where(chosen).order_by(device_counts.c.platform)
    return [
        DeviceCount(
            platform=Platform(row.platform),
            subscribers=row.subscribers,
            active=row.active,
            counted_at=row.counted_at,
            took=row.took_ms * _MILLISECOND,
        )
        for row in await tx.execute(ordered)
    ]


async def prune(tx: AsyncConnection, instance_id: InstanceId, *, before: datetime) -> None:
    """Forget the counts of hours before this one: three rows each."""
    mine = device_counts.c.instance_id == instance_id
    await tx.execute(delete(device_counts).where(mine, device_counts.c.hour < before))
