"""Publishes and what became of them. A row comes from the stream's message, by the fan-out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.batch import Batch
from heliograph.model.device import Platform
from heliograph.model.errors import Invalid, NotFound
from heliograph.model.ids import InstanceId, PublishId
from heliograph.model.publish import (
    AudienceKind,
    Publish,
    PublishState,
    collapse_ids_in,
    kind_of,
    names_in,
)
from heliograph.model.report import Report
from heliograph.model.shard import Shard
from heliograph.store import batches, insights, instances, shards, webhook_events
from heliograph.store.batches import Range
from heliograph.store.schema import batches as batches_table
from heliograph.store.schema import publish_counts, publishes


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """That a shard has come further. finished: with it, the publish is."""

    finished: bool


async def begin(
    tx: AsyncConnection,
    publish: Publish,
    begun: Sequence[Shard],
    noted: Sequence[Range],
    *,
    now: datetime,
) -> bool:
    """Note the publish, its shards and its first batches.

    False, and nothing is noted, if it is known already, or its instance was deleted meanwhile.
    """
    if not await instances.hold(tx, publish.instance_id):
        return False
    row = {
        "instance_id": publish.instance_id,
        "id": publish.id,
        "audience": kind_of(publish.audience),
        "names": msgspec.json.encode(names_in(publish.audience)).decode(),
        "accepted_at": publish.accepted_at,
        "state": PublishState.RUNNING,
        "collapse_ids": _collapse_ids(publish),
        "finished_at": now if all(shard.is_finished for shard in begun) else None,
    }
    added = await tx.execute(_ADD, row)
    if added.rowcount == 0:
        return False
    of_all = insights.Of.hour(kind_of(publish.audience), None, publish.accepted_at)
    await insights.count(tx, publish.instance_id, {of_all: {"publishes": 1}})
    await shards.add(tx, publish.instance_id, publish.id, begun)
    if noted:
        await batches.add(tx, publish.instance_id, publish.id, noted)
    await webhook_events.publish_begun(tx, publish, now=now)
    if row["finished_at"] is not None:
        await _tell_finished(tx, publish.instance_id, row, now=now)
    return True


# These are built once: to build one costs more than to run it.
_ADD = insert(publishes).on_conflict_do_nothing()
_ONE = and_(
    publishes.c.instance_id == bindparam("of_instance"), publishes.c.id == bindparam("with_id")
)


async def state_of(
    tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId
) -> PublishState | None:
    """Whether the publish goes on; None if there is none."""
    state = await tx.scalar(_STATE, {"of_instance": instance_id, "with_id": publish_id})
    return None if state is None else PublishState(state)


_STATE = select(publishes.c.state).where(_ONE)


async def set_state(
    tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId, state: PublishState
) -> None:
    """Pause, go on or cancel. Raises NotFound, Invalid if that can't be done any more."""
    chosen = _one(instance_id, publish_id)
    row = (await tx.execute(select(publishes).where(chosen).with_for_update())).first()
    if row is None or row.state == PublishState.FORGOTTEN:
        raise NotFound("publish")
    if row.finished_at is not None:
        raise Invalid("publish", "it is finished already")
    if row.state == PublishState.CANCELLED and state is not PublishState.CANCELLED:
        raise Invalid("publish", "it was cancelled, and that is for good")
    await tx.execute(update(publishes).where(chosen).values(state=state))


async def shard_advanced(
    tx: AsyncConnection,
    publish: Publish,
    known: Shard,
    behind: Shard,
    noted: Range | None,
    *,
    now: datetime,
) -> Advanced | None:
    """Note that a shard has come further, with one more batch or at its end.

    None, and nothing is noted, if another worker was faster, or the instance was deleted, or the
    shard is done: then its batches may be settled and forgotten, and to note one anew would send it
    again.
    """
    key = publish.instance_id, publish.id
    if not await instances.hold(tx, publish.instance_id):
        return None
    stored = await shards.advance(tx, *key, known, behind)
    if stored is None:
        return None
    if noted is not None:
        await batches.add(tx, *key, [noted])
    return Advanced(finished=stored.is_finished and await _finish(tx, *key, now=now))


async def batch_settled(tx: AsyncConnection, batch: Batch, *, now: datetime) -> bool:
    """One more batch is settled; with the last of them the publish is finished: whether it is.

    The caller holds the batch's row.
    """
    is_shard_finished = await shards.batch_settled(tx, batch)
    return is_shard_finished and await _finish(tx, batch.instance_id, batch.publish_id, now=now)


async def count(
    tx: AsyncConnection,
    instance_id: InstanceId,
    publish_id: PublishId,
    platform: Platform,
    counts: Mapping[str, int],
    *,
    part: int,
) -> None:
    """Add to the publish's counts of the platform, in one of their parts."""
    await count_all(tx, instance_id, {(publish_id, platform): counts}, part=part)


async def count_all(
    tx: AsyncConnection,
    instance_id: InstanceId,
    counts: Mapping[tuple[PublishId, Platform], Mapping[str, int]],
    *,
    part: int,
) -> None:
    """Add to the counts of several publishes and platforms."""
    # In one order, so that two batches of a publish don't wait for each other's rows.
    rows = [
        {
            "instance_id": instance_id,
            "publish_id": publish_id,
            "platform": platform,
            "name": name,
            "part": part,
            "number": number,
        }
        for (publish_id, platform), of_one in sorted(counts.items(), key=lambda one: one[0])
        for name, number in sorted(of_one.items())
    ]
    if rows:
        await tx.execute(_COUNT, rows)


_NEW_COUNT = insert(publish_counts)
_COUNT = _NEW_COUNT.on_conflict_do_update(
    index_elements=list(publish_counts.primary_key),
    set_={"number": publish_counts.c.number + _NEW_COUNT.excluded.number},
)


async def report(tx: AsyncConnection, instance_id: InstanceId, publish_id: str) -> Report:
    """Raises NotFound."""
    one = _one(instance_id, PublishId(publish_id))
    row = (await tx.execute(select(publishes).where(one))).first()
    if row is None or row.state == PublishState.FORGOTTEN:
        raise NotFound("publish")
    names = publish_counts.c.platform, publish_counts.c.name
    summed = (
        select(*names, func.sum(publish_counts.c.number).label("number"))
        .where(
            publish_counts.c.instance_id == instance_id,
            publish_counts.c.publish_id == row.id,
        )
        .group_by(*names)
        .order_by(*names)
    )
    counts: dict[str, Counter[str]] = {}
    for count_row in await tx.execute(summed):
        counts.setdefault(count_row.platform, Counter())[count_row.name] += int(count_row.number)
    for platform, under_way in await batches.counts_under_way(tx, instance_id, row.id):
        counts.setdefault(platform, Counter()).update(under_way)
    return Report(
        publish_id=row.id,
        instance_id=row.instance_id,
        audience=row.audience,
        names=msgspec.json.decode(row.names),
        accepted_at=row.accepted_at,
        state=PublishState(row.state),
        finished_at=row.finished_at,
        shards=await shards.of_publish(tx, row.instance_id, row.id),
        counts=counts,
    )


async def _finish(
    tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId, *, now: datetime
) -> bool:
    """Finish the publish, if that was its last shard. False if it was not, or it was before."""
    one = {"of_instance": instance_id, "with_id": publish_id}
    # Locked first: of two shards that end at the same moment, the second must see the first.
    row = (await tx.execute(_LOCKED, one)).first()
    if row is None or await shards.unfinished(tx, instance_id, publish_id):
        return False
    has_ended = (await tx.execute(_FINISHED, {**one, "at": now})).rowcount == 1
    if has_ended:
        await _tell_finished(tx, instance_id, row._asdict(), now=now)
    await tx.execute(_BATCHES_FORGOTTEN, one)
    return has_ended


# Not so that it waits for devices' reports, which hold the row, too.
_LOCKED = (
    select(publishes.c.id, publishes.c.audience, publishes.c.names)
    .where(_ONE)
    .with_for_update(key_share=True)
)
_FINISHED = (
    update(publishes)
    .where(_ONE, publishes.c.finished_at.is_(None))
    .values(finished_at=bindparam("at"))
)
_BATCHES_FORGOTTEN = delete(batches_table).where(
    batches_table.c.instance_id == bindparam("of_instance"),
    batches_table.c.publish_id == bindparam("with_id"),
)


async def _tell_finished(
    tx: AsyncConnection, instance_id: InstanceId, row: Mapping[str, Any], *, now: datetime
) -> None:
    audience, names = AudienceKind(row["audience"]), row["names"]
    await webhook_events.publish_finished(tx, instance_id, row["id"], audience, names, now=now)


def _collapse_ids(publish: Publish) -> str | None:
    found = collapse_ids_in(publish.payloads)
    return msgspec.json.encode(found).decode() if found else None


def _one(instance_id: InstanceId, publish_id: PublishId) -> ColumnElement[bool]:
    return and_(publishes.c.instance_id == instance_id, publishes.c.id == publish_id)
