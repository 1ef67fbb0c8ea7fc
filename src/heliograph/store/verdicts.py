"""Verdicts: what was said of each target of a publish to users, try by try.

Publishes to interests have none: their targets are counted only. So a publish to millions costs no
row for each of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, case, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.batch import Batch
from heliograph.model.device import Platform
from heliograph.model.ids import DeviceId, InstanceId, PublishId, UserId
from heliograph.model.webhook_body import (
    Reached,
)
from heliograph.store.schema import verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What became of one target in one try."""

    device_id: DeviceId
    user_id: UserId
    outcome: str
    """delivered, removed, failed, untied, cancelled; or retried, if it is to be tried again."""
    reason: str
    """In the gateway's words; empty if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Noted):
    """The same as it is kept."""

    publish_id: PublishId
    platform: Platform
    said_at: datetime


async def add_all(
    tx: AsyncConnection, batch: Batch, version: int, noted: Sequence[Noted], *, now: datetime
) -> None:
    """Keep what was said at this version of the batch's progress, which the caller then stores."""
    rows = [
        {
            "instance_id": batch.instance_id,
            "publish_id": batch.publish_id,
            "device_id": one.device_id,
            "number": version,
            "user_id": one.user_id,
            "platform": batch.platform,
            "outcome": one.outcome,
            "reason": one.reason,
            "said_at": now,
        }
        for one in noted
    ]
    if rows:
        await tx.execute(_ADD, rows)


async def of_publish(
    tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId
) -> list[Kept]:
    """All of a publish to users, device by device, in the order they were said."""
    mine = and_(verdicts.c.instance_id == instance_id, verdicts.c.publish_id == publish_id)
    ordered = select(verdicts).where(mine).order_by(verdicts.c.device_id, verdicts.c.number)
    return [
        Kept(
            publish_id=PublishId(row.publish_id),
            device_id=DeviceId(row.device_id),
            user_id=UserId(row.user_id),
            platform=Platform(row.platform),
            outcome=row.outcome,
            reason=row.reason,
            said_at=row.said_at,
        )
        for row in await tx.execute(ordered)
    ]


async def reached_users(
    tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId
) -> dict[UserId, Reached]:
    """What a finished publish to users came to for each of them that had devices then."""
    chosen = {"of_instance": instance_id, "of_publish": publish_id}
    return {UserId(row.user_id): _RANKS[row.best] for row in await tx.execute(_BEST, chosen)}


# Built once: to build them costs more than to run them.
_ADD = insert(verdicts)
_RANKS = (Reached.NO_DEVICES, Reached.FAILED, Reached.DELIVERED)
_RANK = case((verdicts.c.outcome == "delivered", 2), (verdicts.c.outcome == "untied", 0), else_=1)
_BEST = (
    select(verdicts.c.user_id, func.max(_RANK).label("best"))
    .where(
        verdicts.c.instance_id == bindparam("of_instance"),
        verdicts.c.publish_id == bindparam("of_publish"),
        # That was said for the time being; each target has one more, for good.
        verdicts.c.outcome != "retried",
    )
    .group_by(verdicts.c.user_id)
)
