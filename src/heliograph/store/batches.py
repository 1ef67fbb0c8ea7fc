"""Batches: which range of targets each has, and how far it has come."""

from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.batch import Batch, Progress
from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId, PublishId
from heliograph.store import instances
from heliograph.store.schema import batches, publishes
from heliograph.store.targets import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The part of a publish's targets that is one batch: both ends belong to it."""

    number: int
    platform: Platform
    first: Position
    last: Position


async def last_range(
    tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId
) -> Range | None:
    """Where the fan-out of the publish has come to; None if it has not begun."""
    mine = and_(batches.c.instance_id == instance_id, batches.c.publish_id == publish_id)
    newest = select(batches).where(mine).order_by(batches.c.number.desc()).limit(1)
    row = (await tx.execute(newest)).first()
    if row is None:
        return None
    return Range(
        number=row.number,
        platform=Platform(row.platform),
        first=msgspec.json.decode(row.first, type=Position),
        last=msgspec.json.decode(row.last, type=Position),
    )


async def add(
    tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId, added: Range
) -> bool:
    """Note one more batch of the publish.

    False if another worker has noted it already, or the instance was deleted, or the publish is
    fanned out: then its batches may be settled and forgotten, and to note one anew would send it
    again.
    """
    if not await instances.hold(tx, instance_id):
        return False
    publish = and_(publishes.c.instance_id == instance_id, publishes.c.id == publish_id)
    under_way = select(~publishes.c.fanned_out).where(publish).with_for_update()
    if not await tx.scalar(under_way):
        return False
    row = {
        "instance_id": instance_id,
        "publish_id": publish_id,
        "number": added.number,
        "platform": added.platform,
        "first": msgspec.json.encode(added.first).decode(),
        "last": msgspec.json.encode(added.last).decode(),
        "progress": msgspec.msgpack.encode(Progress()),
        "version": 0,
        "settled": False,
    }
    noted = await tx.execute(insert(batches).values(row).on_conflict_do_nothing())
    if noted.rowcount == 0:
        return False
    one_more = {"batches": publishes.c.batches + 1}
    await tx.execute(update(publishes).where(publish).values(one_more))
    return True


async def progress_of(tx: AsyncConnection, batch: Batch) -> tuple[Progress, int] | None:
    """The batch's progress and its version; None if it is settled, or its publish is gone."""
    row = (await tx.execute(select(batches).where(_one(batch), ~batches.c.settled))).first()
    if row is None:
        return None
    return msgspec.msgpack.decode(row.progress, type=Progress), row.version


async def advance(
    tx: AsyncConnection,
    batch: Batch,
    progress: Progress,
    *,
    version: int,
    settled: bool,
) -> bool:
    """Store progress over the version it was read at. False if another worker was faster."""
    stored = await tx.execute(
        update(batches)
        .where(_one(batch), batches.c.version == version)
        .values(
            progress=msgspec.msgpack.encode(progress),
            version=version + 1,
            settled=settled,
        )
    )
    return stored.rowcount == 1


def _one(batch: Batch) -> ColumnElement[bool]:
    return and_(
        batches.c.instance_id == batch.instance_id,
        batches.c.publish_id == batch.publish_id,
        batches.c.number == batch.number,
    )
