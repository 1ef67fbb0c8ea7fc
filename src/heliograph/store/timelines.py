"""Timelines: all that is known of a user's devices, gathered for who asks why nothing arrived."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.causes import Situation
from heliograph.model.device import Platform
from heliograph.model.diagnosis import Facts, Meant, Reported, Tied, Verdict
from heliograph.model.event import EventKind
from heliograph.model.ids import InstanceId, PublishId, UserId
from heliograph.model.limits import QUARANTINE_TIME
from heliograph.store import devices, history, published, shards
from heliograph.store.schema import credentials, pauses, publishes, quarantine, reports, verdicts
from heliograph.store.schema import devices as devices_table

_MOST = 200
"""The latest of a user's verdicts, and of what happened."""


async def facts_of(
    tx: AsyncConnection,
    instance_id: InstanceId,
    user_id: UserId,
    publish_id: str | None,
    *,
    now: datetime,
) -> Facts:
    """What is known of the user; and of one publish, if it is asked about. Raises NotFound."""
    meant = None if publish_id is None else await _meant(tx, instance_id, publish_id)
    said = await _latest_verdicts(tx, instance_id, user_id)
    if meant is not None:
        named = meant.listed.publish_id
        of_it = await _verdicts_of(tx, instance_id, user_id, named)
        said = sorted(
            [*of_it, *(one for one in said if one.publish_id != named)],
            key=lambda verdict: verdict.said_at,
        )
    happened = await history.of_user(tx, instance_id, user_id, limit=_MOST)
    any_device = select(devices_table.c.id).where(devices_table.c.instance_id == instance_id)
    return Facts(
        user_id=user_id,
        devices=[
            *await _tied(tx, instance_id, user_id),
            *await _in_quarantine(tx, instance_id, user_id, now=now),
        ],
        happened=happened[::-1],
        verdicts=said,
        reported=await _reported(tx, instance_id, said),
        collapse_ids=await _collapse_ids(tx, instance_id, said),
        lanes=await _lanes(tx, instance_id),
        meant=meant,
        is_anybody_there=await tx.scalar(any_device.limit(1)) is not None,
    )


async def _meant(tx: AsyncConnection, instance_id: InstanceId, publish_id: str) -> Meant:
    listed = await published.find(tx, instance_id, publish_id)
    known = await shards.of_publish(tx, instance_id, listed.publish_id)
    return Meant(listed=listed, platforms=frozenset(shard.platform for shard in known))


async def _tied(tx: AsyncConnection, instance_id: InstanceId, user_id: UserId) -> list[Tied]:
    return [
        Tied(device_id=one.id, platform=one.platform, registered_at=one.registered_at)
        for one in await devices.of_user(tx, instance_id, user_id)
    ]


async def _in_quarantine(
    tx: AsyncConnection, instance_id: InstanceId, user_id: UserId, *, now: datetime
) -> list[Tied]:
    mine = and_(
        quarantine.c.instance_id == instance_id,
        quarantine.c.user_id == user_id,
        quarantine.c.removed_at >= now - QUARANTINE_TIME,
    )
    return [
        Tied(
            device_id=row.id,
            platform=Platform(row.platform),
            registered_at=row.registered_at,
            in_quarantine=True,
        )
        for row in await tx.execute(select(quarantine).where(mine).order_by(quarantine.c.id))
    ]


async def _latest_verdicts(
    tx: AsyncConnection, instance_id: InstanceId, user_id: UserId
) -> list[Verdict]:
    mine = and_(verdicts.c.instance_id == instance_id, verdicts.c.user_id == user_id)
    latest = select(verdicts).where(mine).order_by(verdicts.c.said_at.desc()).limit(_MOST)
    return [_verdict(row) for row in await tx.execute(latest)][::-1]


async def _verdicts_of(
    tx: AsyncConnection, instance_id: InstanceId, user_id: UserId, publish_id: PublishId
) -> list[Verdict]:
    mine = and_(
        verdicts.c.instance_id == instance_id,
        verdicts.c.publish_id == publish_id,
        verdicts.c.user_id == user_id,
    )
    ordered = select(verdicts).where(mine).order_by(verdicts.c.device_id, verdicts.c.number)
    return [_verdict(row) for row in await tx.execute(ordered)]


async def _reported(
    tx: AsyncConnection, instance_id: InstanceId, said: Sequence[Verdict]
) -> list[Reported]:
    mine = and_(
        reports.c.instance_id == instance_id,
        reports.c.publish_id.in_({one.publish_id for one in said}),
        reports.c.device_id.in_({one.device_id for one in said}),
    )
    return [
        Reported(
            publish_id=row.publish_id,
            device_id=row.device_id,
            kind=EventKind(row.event),
            at=row.reported_at,
        )
        for row in await tx.execute(select(reports).where(mine))
    ]


async def _collapse_ids(
    tx: AsyncConnection, instance_id: InstanceId, said: Sequence[Verdict]
) -> dict[PublishId, dict[Platform, str]]:
    mine = and_(
        publishes.c.instance_id == instance_id,
        publishes.c.id.in_({one.publish_id for one in said}),
        publishes.c.collapse_ids.is_not(None),
    )
    rows = await tx.execute(select(publishes.c.id, publishes.c.collapse_ids).where(mine))
    return {
        PublishId(row.id): msgspec.json.decode(row.collapse_ids, type=dict[Platform, str])
        for row in rows
    }


async def _lanes(tx: AsyncConnection, instance_id: InstanceId) -> dict[Platform, Situation]:
    """The platforms to which nothing is sent now."""
    mine = credentials.c.instance_id == instance_id
    there = {*await tx.scalars(select(credentials.c.platform).where(mine)), Platform.WEB}
    held_up = {one: Situation.NO_CREDENTIAL for one in Platform if one not in there}
    refused = select(pauses.c.platform).where(pauses.c.instance_id == instance_id)
    for platform in await tx.scalars(refused):
        held_up[Platform(platform)] = Situation.LANE_PAUSED
    return held_up


def _verdict(row: Row[Any]) -> Verdict:
    return Verdict(
        publish_id=PublishId(row.publish_id),
        device_id=row.device_id,
        platform=Platform(row.platform),
        outcome=row.outcome,
        reason=row.reason,
        said_at=row.said_at,
    )
