"""Publishes and what became of them. A row comes from the stream's message, by the fan-out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.device import Platform
from heliograph.model.errors import NotFound
from heliograph.model.ids import InstanceId, PublishId
from heliograph.model.publish import Publish, Users
from heliograph.store import instances
from heliograph.store.schema import batches, publish_counts, publishes


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a publish so far."""

    publish_id: PublishId
    instance_id: InstanceId
    audience: str
    accepted_at: datetime
    finished_at: datetime | None
    counts: Mapping[str, Mapping[str, int]]
    """By platform: targets, delivered, failed, removed, untied, retried, acknowledged, opened."""


async def begin(tx: AsyncConnection, publish: Publish) -> bool:
    """Note the publish, if it isn't yet. True if it still has to be fanned out.

    A publish of an instance that was deleted in the meantime has not.
    """
    if not await instances.hold(tx, publish.instance_id):
        return False
    row = {
        "instance_id": publish.instance_id,
        "id": publish.id,
        "audience": "users" if isinstance(publish.audience, Users) else "interests",
        "accepted_at": publish.accepted_at,
        "batches": 0,
        "batches_settled": 0,
        "fanned_out": False,
    }
    await tx.execute(insert(publishes).values(row).on_conflict_do_nothing())
    chosen = _one(publish.instance_id, publish.id)
    return not await tx.scalar(select(publishes.c.fanned_out).where(chosen))


async def fanned_out(
    tx: AsyncConnection,
    instance_id: InstanceId,
    publish_id: PublishId,
    *,
    now: datetime,
) -> None:
    """All batches of the publish are on their way; it is finished when they are settled.

    Nothing is, if its instance was deleted.
    """
    if not await instances.hold(tx, instance_id):
        return
    chosen = _one(instance_id, publish_id)
    await tx.execute(update(publishes).where(chosen).values(fanned_out=True))
    await _finish(tx, instance_id, publish_id, now=now)


async def batch_settled(
    tx: AsyncConnection,
    instance_id: InstanceId,
    publish_id: PublishId,
    *,
    now: datetime,
) -> None:
    """One more batch is settled; with the last of them the publish is finished.

    The caller holds the instance.
    """
    one_more = {"batches_settled": publishes.c.batches_settled + 1}
    await tx.execute(update(publishes).where(_one(instance_id, publish_id)).values(one_more))
    await _finish(tx, instance_id, publish_id, now=now)


async def count(
    tx: AsyncConnection,
    instance_id: InstanceId,
    publish_id: PublishId,
    platform: Platform,
    counts: Mapping[str, int],
) -> None:
    """Add to the publish's counts of the platform."""
    # In one order, so that two batches of a publish don't wait for each other's rows.
    for name, number in sorted(counts.items()):
        row = {
            "instance_id": instance_id,
            "publish_id": publish_id,
            "platform": platform,
            "name": name,
            "number": number,
        }
        added = {"number": publish_counts.c.number + number}
        known = list(publish_counts.primary_key)
        statement = insert(publish_counts).values(row)
        await tx.execute(statement.on_conflict_do_update(index_elements=known, set_=added))


async def report(tx: AsyncConnection, instance_id: InstanceId, publish_id: str) -> Report:
    """Raises NotFound."""
    one = _one(instance_id, PublishId(publish_id))
    row = (await tx.execute(select(publishes).where(one))).first()
    if row is None:
        raise NotFound("publish")
    counts: dict[str, dict[str, int]] = {}
    chosen = and_(
        publish_counts.c.instance_id == instance_id,
        publish_counts.c.publish_id == row.id,
    )
    for line in await tx.execute(select(publish_counts).where(chosen)):
        counts.setdefault(line.platform, {})[line.name] = line.number
    return Report(
        publish_id=row.id,
        instance_id=row.instance_id,
        audience=row.audience,
        accepted_at=row.accepted_at,
        finished_at=row.finished_at,
        counts=counts,
    )


async def _finish(
    tx: AsyncConnection,
    instance_id: InstanceId,
    publish_id: PublishId,
    *,
    now: datetime,
) -> None:
    all_settled = and_(
        publishes.c.fanned_out,
        publishes.c.batches == publishes.c.batches_settled,
        publishes.c.finished_at.is_(None),
    )
    finished = await tx.execute(
        update(publishes).where(_one(instance_id, publish_id), all_settled).values(finished_at=now)
    )
    if finished.rowcount == 1:
        mine = and_(batches.c.instance_id == instance_id, batches.c.publish_id == publish_id)
        await tx.execute(delete(batches).where(mine))


def _one(instance_id: InstanceId, publish_id: PublishId) -> ColumnElement[bool]:
    return and_(publishes.c.instance_id == instance_id, publishes.c.id == publish_id)
