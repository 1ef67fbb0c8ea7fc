"""Pruning: what became of publishes is forgotten when it has been kept long enough.

It goes in small transactions, so that nobody waits for it longer than for any other writer. Each
leaves things as they may be for good, so it may be cut off anywhere: the next run goes on there.

A publish under way is never touched. One that is not finished 90 days after it was accepted never
will be: the messages that it moved by are gone (each of three streams keeps one for 29 days).

Of a publish that is forgotten the bare row stays until a month after it was accepted: by that the
fan-out sees that it is no new one, should its message still be on a stream, as one that an app's
server repeated may be.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, Table, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.ids import InstanceId, PublishId
from heliograph.model.publish import PublishState
from heliograph.store import instances
from heliograph.store.engine import Store
from heliograph.store.schema import (
    batches,
    device_history,
    publish_counts,
    publishes,
    reports,
    shards,
    verdicts,
)

_ENDED_FOR_GOOD = timedelta(days=90)
_MAY_COME_AGAIN = timedelta(days=31)
"""So long after a publish was accepted its message may be on the PUBLISH stream: it may be repeated
for 24 hours, and stays there for 29 days."""
_ROWS_AT_ONCE = 500
_TOGETHER = 50
"""Publishes that have few rows go in one transaction."""
_PAUSE_S = 0.01
"""After each transaction, so that others come first."""
_LOOKED_UP_AT_ONCE = 1000
_OF_A_PUBLISH = (shards, batches, verdicts, reports, publish_counts)
"""Shards first, and batches second: who adds to the others holds one of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """A publish that has been kept long enough."""

    accepted_at: datetime
    publish_id: PublishId


async def prune(
    store: Store, instance_id: InstanceId, *, kept_for: timedelta, now: datetime
) -> None:
    """Forget what of the instance has been kept for so long. Raises Unavailable."""
    last: Over | None = None
    while True:
        async with store.reading() as connection:
            found = await over(connection, instance_id, last, kept_for=kept_for, now=now)
        if not found:
            break
        left: Sequence[PublishId] = [one.publish_id for one in found]
        while left:
            forget = partial(forget_some, instance_id=instance_id, publish_ids=left)
            left = await store.write(partial(forget, kept_for=kept_for, now=now))
            await asyncio.sleep(_PAUSE_S)
        last = found[-1]
    for step in (
        partial(delete_tombstones, now=now),
        partial(forget_history, before=now - kept_for),
    ):
        while True:
            if not await store.write(partial(step, instance_id=instance_id)):
                break
            await asyncio.sleep(_PAUSE_S)


async def over(
    tx: AsyncConnection,
    instance_id: InstanceId,
    last: Over | None,
    *,
    kept_for: timedelta,
    now: datetime,
) -> list[Over]:
    """The next publishes that have been kept long enough, oldest first."""
    order = publishes.c.accepted_at, publishes.c.id
    chosen = [publishes.c.instance_id == instance_id, _is_over(kept_for, now)]
    if last is not None:
        types = [column.type for column in order]
        chosen.append(tuple_(*order) > tuple_(last.accepted_at, last.publish_id, types=types))
    oldest = select(*order).where(*chosen).order_by(*order).limit(_LOOKED_UP_AT_ONCE)
    rows = await tx.execute(oldest)
    return [Over(accepted_at=row.accepted_at, publish_id=PublishId(row.id)) for row in rows]


async def forget_some(
    tx: AsyncConnection,
    instance_id: InstanceId,
    publish_ids: Sequence[PublishId],
    *,
    kept_for: timedelta,
    now: datetime,
) -> Sequence[PublishId]:
    """Forget these publishes, as far as one transaction goes; those that are left.

    One that somebody else has in hand is passed over, for the next run.
    """
    if not await instances.hold(tx, instance_id):
        return []
    group = publish_ids[:_TOGETHER]
    named = and_(publishes.c.instance_id == instance_id, publishes.c.id.in_(group))
    # Locked as no report of a device can be counted beside it (see reports.record).
    held = select(publishes.c.id).where(named, _is_over(kept_for, now)).order_by(publishes.c.id)
    ids = (await tx.scalars(held.with_for_update(skip_locked=True))).all()
    # As many of them as fit into one transaction; of one alone that does not, a part.
    done = ids
    while len(done) > 1 and not await _fit(tx, instance_id, done):
        done = done[: len(done) // 2]
    if len(done) == 1 and not await _delete_some(tx, instance_id, done[0]):
        done = []
    if len(done) > 1:
        for table in _OF_A_PUBLISH:
            await tx.execute(delete(table).where(_of(table, instance_id, done)))
    mine = and_(publishes.c.instance_id == instance_id, publishes.c.id.in_(done))
    tombstone = {"state": PublishState.FORGOTTEN, "names": "[]", "collapse_ids": None}
    await tx.execute(update(publishes).where(mine).values(tombstone))
    return [*(one for one in ids if one not in done), *publish_ids[_TOGETHER:]]


async def _fit(tx: AsyncConnection, instance_id: InstanceId, ids: Sequence[PublishId]) -> bool:
    """Whether all that belongs to the publishes can go in one transaction."""
    room = _ROWS_AT_ONCE
    for table in _OF_A_PUBLISH:
        some = select(table.c.publish_id).where(_of(table, instance_id, ids)).limit(room + 1)
        room -= await tx.scalar(select(func.count()).select_from(some.subquery())) or 0
        if room < 0:
            return False
    return True


async def _delete_some(tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId) -> bool:
    """Delete rows of the publish, as far as a transaction goes. Whether that was all.

    In the order of their key: so each step begins where the one before ended.
    """
    room = _ROWS_AT_ONCE
    for table in _OF_A_PUBLISH:
        mine = _of(table, instance_id, [publish_id])
        key = [one for one in table.primary_key if one.name not in {"instance_id", "publish_id"}]
        ordered = select(*key).where(mine).order_by(*key)
        last = (await tx.execute(ordered.offset(room - 1).limit(1))).first()
        if last is not None:
            types = [one.type for one in key]
            first = and_(mine, tuple_(*key) <= tuple_(*last, types=types))
            await tx.execute(delete(table).where(first))
            return False
        room -= (await tx.execute(delete(table).where(mine))).rowcount
    return True


def _of(table: Table, instance_id: InstanceId, ids: Sequence[PublishId]) -> ColumnElement[bool]:
    chosen = table.c.publish_id == ids[0] if len(ids) == 1 else table.c.publish_id.in_(ids)
    return and_(table.c.instance_id == instance_id, chosen)


async def delete_tombstones(tx: AsyncConnection, instance_id: InstanceId, *, now: datetime) -> int:
    """Delete rows of forgotten publishes that can't come again, up to some hundred; how many."""
    done_with = and_(
        publishes.c.instance_id == instance_id,
        publishes.c.state == PublishState.FORGOTTEN,
        publishes.c.accepted_at < now - _MAY_COME_AGAIN,
    )
    oldest = select(publishes.c.id).where(done_with).order_by(publishes.c.accepted_at)
    ids = (await tx.scalars(oldest.limit(_ROWS_AT_ONCE))).all()
    if ids:
        mine = and_(publishes.c.instance_id == instance_id, publishes.c.id.in_(ids))
        await tx.execute(delete(publishes).where(mine))
    return len(ids)


async def forget_history(tx: AsyncConnection, instance_id: InstanceId, *, before: datetime) -> int:
    """Forget what happened to devices before that, some hundred rows of it; how many."""
    instant = device_history.c.happened_at
    mine = and_(device_history.c.instance_id == instance_id, instant < before)
    oldest = select(instant).where(mine).order_by(instant)
    last = await tx.scalar(oldest.offset(_ROWS_AT_ONCE - 1).limit(1))
    # What happened in one millisecond goes together.
    some = mine if last is None else and_(mine, instant <= last)
    return (await tx.execute(delete(device_history).where(some))).rowcount


def _is_over(kept_for: timedelta, now: datetime) -> ColumnElement[bool]:
    before = now - kept_for
    return and_(
        publishes.c.state != PublishState.FORGOTTEN,
        publishes.c.accepted_at < before,
        or_(publishes.c.finished_at < before, publishes.c.accepted_at < now - _ENDED_FOR_GOOD),
    )
