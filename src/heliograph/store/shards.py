"""Shards: how far the fan-out of a publish has come, and how many of its batches are settled."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, and_, bindparam, exists, insert, not_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.batch import Batch
from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId, PublishId
from heliograph.model.shard import Position, Shard
from heliograph.store.schema import shards


async def of_publish(
    tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId
) -> list[Shard]:
    asked = {"of_instance": instance_id, "of_publish": publish_id}
    return [_shard_of(row) for row in await tx.execute(_OF_PUBLISH, asked)]


async def find(
    tx: AsyncConnection,
    instance_id: InstanceId,
    publish_id: PublishId,
    platform: Platform,
    number: int,
) -> Shard | None:
    chosen = select(shards).where(_one(instance_id, publish_id, platform, number))
    row = (await tx.execute(chosen)).first()
    return None if row is None else _shard_of(row)


async def add(
    tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId, added: Sequence[Shard]
) -> None:
    rows = [
        {
            "instance_id": instance_id,
            "publish_id": publish_id,
            "platform": shard.platform,
            "number": shard.number,
            "start": _encoded(shard.start),
            "until": None if shard.until is None else _encoded(shard.until),
            "position": _encoded(shard.position),
            "targets": shard.targets,
            "batches": shard.batches,
            "settled": shard.settled,
            "done": shard.done,
        }
        for shard in added
    ]
    await tx.execute(_ADD, rows)


async def advance(
    tx: AsyncConnection,
    instance_id: InstanceId,
    publish_id: PublishId,
    known: Shard,
    now: Shard,
) -> Shard | None:
    """Store how far a shard has come, and tell what it is by that.

    None, and nothing is stored, if another worker was faster, or the shard is done or gone.
    """
    chosen = _one(instance_id, publish_id, known.platform, known.number)
    known_until = None if known.until is None else _encoded(known.until)
    as_known = and_(
        chosen,
        shards.c.batches == known.batches,
        shards.c.until.is_not_distinct_from(known_until),
        ~shards.c.done,
    )
    further = (
        update(shards)
        .where(as_known)
        .values(
            until=None if now.until is None else _encoded(now.until),
            position=_encoded(now.position),
            targets=now.targets,
            batches=now.batches,
            done=now.done,
        )
    )
    row = (await tx.execute(further.returning(shards))).first()
    return None if row is None else _shard_of(row)


async def batch_settled(tx: AsyncConnection, batch: Batch) -> bool:
    """One more batch of its shard is settled. Whether the shard is finished by that."""
    asked = {
        "of_instance": batch.instance_id,
        "of_publish": batch.publish_id,
        "of_platform": batch.platform,
        "with_number": batch.shard,
    }
    row = (await tx.execute(_ONE_MORE_SETTLED, asked)).first()
    return row is not None and _shard_of(row).is_finished


async def unfinished(tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId) -> bool:
    """Whether any shard of the publish is not finished."""
    asked = {"of_instance": instance_id, "of_publish": publish_id}
    return bool(await tx.scalar(_UNFINISHED, asked))


# Built once: to build them costs more than to run them.
_ALL = and_(
    shards.c.instance_id == bindparam("of_instance"),
    shards.c.publish_id == bindparam("of_publish"),
)
_OF_PUBLISH = select(shards).where(_ALL).order_by(shards.c.platform, shards.c.number)
_ADD = insert(shards)
_ONE_MORE_SETTLED = (
    update(shards)
    .where(
        _ALL,
        shards.c.platform == bindparam("of_platform"),
        shards.c.number == bindparam("with_number"),
    )
    .values(settled=shards.c.settled + 1)
    .returning(shards)
)
_UNFINISHED = select(
    exists().where(_ALL, not_(and_(shards.c.done, shards.c.batches == shards.c.settled)))
)


def _one(
    instance_id: InstanceId, publish_id: PublishId, platform: Platform, number: int
) -> ColumnElement[bool]:
    return and_(
        shards.c.instance_id == instance_id,
        shards.c.publish_id == publish_id,
        shards.c.platform == platform,
        shards.c.number == number,
    )


def _shard_of(row: Row[Any]) -> Shard:
    return Shard(
        platform=Platform(row.platform),
        number=row.number,
        start=_decoded(row.start),
        until=None if row.until is None else _decoded(row.until),
        position=_decoded(row.position),
        targets=row.targets,
        batches=row.batches,
        settled=row.settled,
        done=row.done,
    )


def _encoded(position: Position) -> str:
    return msgspec.json.encode(position).decode()


def _decoded(text: str) -> Position:
    return msgspec.json.decode(text, type=Position)
