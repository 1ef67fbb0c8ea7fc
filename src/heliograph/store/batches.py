"""Batches: which range of targets each has, and how far it has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, and_, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.batch import Batch, Progress
from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId, PublishId
from heliograph.model.publish import PublishState
from heliograph.model.shard import Position, Shard
from heliograph.store.schema import batches, publishes


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The part of a shard that is one batch: both ends belong to it."""

    platform: Platform
    shard: int
    number: int
    first: Position
    last: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How far a batch has come, the version of that, and whether its publish goes on."""

    progress: Progress
    version: int
    state: PublishState


async def add(
    tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId, added: Sequence[Range]
) -> None:
    """Note batches. The caller holds the instance, and knows by the shard that they are new."""
    rows = [
        {
            "instance_id": instance_id,
            "publish_id": publish_id,
            "platform": one.platform,
            "shard": one.shard,
            "number": one.number,
            "first": msgspec.json.encode(one.first).decode(),
            "last": msgspec.json.encode(one.last).decode(),
            "progress": _NOTHING,
            "version": 0,
            "settled": False,
        }
        for one in added
    ]
    await tx.execute(_ADD, rows)


_ADD = insert(batches)
_NOTHING = msgspec.msgpack.encode(Progress())


async def last_unsettled(
    tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId, shard: Shard
) -> Range | None:
    """The batch that was noted last of a shard, unless it is settled."""
    mine = and_(
        batches.c.instance_id == instance_id,
        batches.c.publish_id == publish_id,
        batches.c.platform == shard.platform,
        batches.c.shard == shard.number,
        batches.c.number == shard.batches,
        ~batches.c.settled,
    )
    row = (await tx.execute(select(batches).where(mine))).first()
    if row is None:
        return None
    return Range(
        platform=shard.platform,
        shard=shard.number,
        number=row.number,
        first=msgspec.json.decode(row.first, type=Position),
        last=msgspec.json.decode(row.last, type=Position),
    )


async def counts_under_way(
    tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId
) -> list[tuple[Platform, Mapping[str, int]]]:
    """What became of targets so far of batches that are not settled yet, one after the other."""
    mine = and_(batches.c.instance_id == instance_id, batches.c.publish_id == publish_id)
    rows = await tx.execute(select(batches.c.platform, batches.c.progress).where(mine))
    return [
        (Platform(row.platform), msgspec.msgpack.decode(row.progress, type=Progress).counts)
        for row in rows
    ]


async def find(tx: AsyncConnection, batch: Batch) -> Found | None:
    """How far the batch has come; None if it is settled, or its publish is gone."""
    row = (await tx.execute(_FOUND, _key_of(batch))).first()
    if row is None:
        return None
    progress, version, state = row
    return Found(
        progress=msgspec.msgpack.decode(progress, type=Progress),
        version=version,
        state=PublishState(state),
    )


async def advance(
    tx: AsyncConnection, batch: Batch, progress: Progress, *, version: int, settled: bool
) -> bool:
    """Store progress over the version it was read at. False if another worker was faster."""
    now = {
        "new_progress": msgspec.msgpack.encode(progress),
        "known_version": version,
        "new_version": version + 1,
        "now_settled": settled,
    }
    stored = await tx.execute(_ADVANCE, {**_key_of(batch), **now})
    return stored.rowcount == 1


def _key_of(batch: Batch) -> dict[str, object]:
    return {
        "of_instance": batch.instance_id,
        "of_publish": batch.publish_id,
        "of_platform": batch.platform,
        "of_shard": batch.shard,
        "with_number": batch.number,
    }


_ONE: ColumnElement[bool] = and_(
    batches.c.instance_id == bindparam("of_instance"),
    batches.c.publish_id == bindparam("of_publish"),
    batches.c.platform == bindparam("of_platform"),
    batches.c.shard == bindparam("of_shard"),
    batches.c.number == bindparam("with_number"),
)
# Built once: to build them costs more than to run them.
_FOUND = (
    select(batches.c.progress, batches.c.version, publishes.c.state)
    .join(
        publishes,
        and_(
            publishes.c.instance_id == batches.c.instance_id,
            publishes.c.id == batches.c.publish_id,
        ),
    )
    .where(_ONE, ~batches.c.settled)
)
_ADVANCE = (
    update(batches)
    .where(_ONE, batches.c.version == bindparam("known_version"))
    .values(
        progress=bindparam("new_progress"),
        version=bindparam("new_version"),
        settled=bindparam("now_settled"),
    )
)
