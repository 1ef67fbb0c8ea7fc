"""Pruning: what became of publishes is forgotten when it has been kept long enough.

It goes in small transactions, so that nobody waits for it longer than for any other writer. Each
leaves things as they may be for good, so it may be cut off anywhere: the next run goes on there.

A publish under way is never touched. One that is not finished 90 days after it was accepted never
will be: the messages that it moved by are gone (each of three streams keeps one for 29 days).

Of a publish that is forgotten the bare row stays until a month after it was accepted: by that the
fan-out sees that it is no new one, should its message still be on a stream, as one that an app's
server repeated may be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, Table, and_, delete, or_, select, tuple_, update
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
_AT_LEAST = 50
"""As so many rows a publish is counted that has fewer."""
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
        last = found[-1]
    for step in (
        partial(delete_tombstones, now=now),
        partial(forget_history, before=now - kept_for),
    ):
        while await store.write(partial(step, instance_id=instance_id)):
            pass


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
    room = _ROWS_AT_ONCE
    for place, publish_id in enumerate(publish_ids):
        if room <= 0:
            return publish_ids[place:]
        one = and_(publishes.c.instance_id == instance_id, publishes.c.id == publish_id)
        # Locked as no report of a device can be counted beside it (see reports.record).
        held = select(publishes.c.id).where(one, _is_over(kept_for, now))
        if await tx.scalar(held.with_for_update(skip_locked=True)) is None:
            continue
        room -= _AT_LEAST
        for table in _OF_A_PUBLISH:
            mine = and_(table.c.instance_id == instance_id, table.c.publish_id == publish_id)
            room -= await _delete_some(tx, table, mine, most=max(room, _AT_LEAST))
            if room <= 0:
                return publish_ids[place:]
        tombstone = {"state": PublishState.FORGOTTEN, "names": "[]"}
        await tx.execute(update(publishes).where(one).values(tombstone))
    return []


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


async def _delete_some(
    tx: AsyncConnection, table: Table, mine: ColumnElement[bool], *, most: int
) -> int:
    """Delete these rows, up to so many, in the order of their key; how many."""
    key = [one for one in table.primary_key if one.name not in {"instance_id", "publish_id"}]
    ordered = select(*key).where(mine).order_by(*key)
    last = (await tx.execute(ordered.offset(most - 1).limit(1))).first()
    some = mine
    if last is not None:
        some = and_(mine, tuple_(*key) <= tuple_(*last, types=[one.type for one in key]))
    return (await tx.execute(delete(table).where(some))).rowcount


def _is_over(kept_for: timedelta, now: datetime) -> ColumnElement[bool]:
    before = now - kept_for
    return and_(
        publishes.c.state != PublishState.FORGOTTEN,
        publishes.c.accepted_at < before,
        or_(publishes.c.finished_at < before, publishes.c.accepted_at < now - _ENDED_FOR_GOOD),
    )
