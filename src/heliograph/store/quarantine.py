"""Quarantine: devices that were removed because of what a gateway said, kept for 30 days.

If it was wrong (or we were: the wrong environment, another app's key), they can be restored, with
user and interests, and are when their phone registers again. A device that was stopped, or whose
user was deleted, is not kept. No push token here is that of a living device: else the stop of that
one would not be the end of this.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.device import Platform, token_hash
from heliograph.model.errors import LimitReached, NotFound
from heliograph.model.history import What
from heliograph.model.ids import DeviceId, InstanceId, UserId
from heliograph.model.limits import QUARANTINE_TIME
from heliograph.store import history, instances, users
from heliograph.store.schema import devices, quarantine, subscriptions

_COPIED = (
    "instance_id",
    "id",
    "platform",
    "push_token",
    "token_hash",
    "user_id",
    "metadata",
    "registered_at",
    "vapid_key",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """A device in quarantine."""

    id: DeviceId
    platform: Platform
    user_id: UserId | None
    reason: str
    removed_at: datetime


async def put(tx: AsyncConnection, device: Row[Any], reason: str, *, now: datetime) -> None:
    """Keep a device that is about to be removed. What is older than 30 days is forgotten."""
    of_device = and_(
        subscriptions.c.instance_id == device.instance_id,
        subscriptions.c.device_id == device.id,
    )
    interests = (await tx.scalars(select(subscriptions.c.interest).where(of_device))).all()
    row = {name: getattr(device, name) for name in _COPIED}
    row["interests"] = msgspec.json.encode(interests).decode()
    await tx.execute(insert(quarantine).values(**row, reason=reason, removed_at=now))
    await prune(tx, device.instance_id, now=now)


async def prune(tx: AsyncConnection, instance_id: InstanceId, *, now: datetime) -> None:
    """Forget what of the instance is older than 30 days."""
    mine = quarantine.c.instance_id == instance_id
    over = quarantine.c.removed_at < now - QUARANTINE_TIME
    await tx.execute(delete(quarantine).where(mine, over))


async def forget(tx: AsyncConnection, instance_id: InstanceId, device_id: str) -> None:
    """The device was stopped, so nobody may bring it back."""
    await forget_all(tx, instance_id, [device_id])


async def forget_all(
    tx: AsyncConnection, instance_id: InstanceId, device_ids: Sequence[str]
) -> None:
    """These devices are there again, or must not come back."""
    chosen = and_(quarantine.c.instance_id == instance_id, quarantine.c.id.in_(device_ids))
    await tx.execute(delete(quarantine).where(chosen))


async def forget_push_tokens(
    tx: AsyncConnection, instance_id: InstanceId, push_tokens: Collection[str]
) -> None:
    """Other devices have these push tokens now."""
    chosen = and_(
        quarantine.c.instance_id == instance_id,
        quarantine.c.platform.in_(list(Platform)),
        quarantine.c.token_hash.in_([token_hash(push_token) for push_token in push_tokens]),
    )
    await tx.execute(delete(quarantine).where(chosen))


async def forget_of_user(tx: AsyncConnection, instance_id: InstanceId, user_id: UserId) -> None:
    """The user was deleted, and all devices of it with it."""
    mine = and_(quarantine.c.instance_id == instance_id, quarantine.c.user_id == user_id)
    await tx.execute(delete(quarantine).where(mine))


async def page(
    tx: AsyncConnection, instance_id: InstanceId, *, after: str, limit: int, now: datetime
) -> list[Removed]:
    """The next devices in quarantine, in the order of their ids."""
    behind = and_(
        quarantine.c.instance_id == instance_id,
        quarantine.c.id > after,
        quarantine.c.removed_at >= now - QUARANTINE_TIME,
    )
    rows = await tx.execute(select(quarantine).where(behind).order_by(quarantine.c.id).limit(limit))
    return [
        Removed(
            id=row.id,
            platform=Platform(row.platform),
            user_id=row.user_id,
            reason=row.reason,
            removed_at=row.removed_at,
        )
        for row in rows
    ]


async def bring_back(
    tx: AsyncConnection, made: Row[Any], said: Mapping[str, Any], *, now: datetime
) -> DeviceId | None:
    """Let a device that was just made be the one that is here with its push token, if any.

    It has its id, its user and its interests again, and its id is returned. If its user has a
    hundred other devices by now, it keeps the new id and is nobody's. said: what the registration
    says of it.
    """
    same_token = {
        "of_instance": made.instance_id,
        "of_platform": made.platform,
        "with_hash": made.token_hash,
    }
    kept = (await tx.execute(_TAKEN_OUT, same_token)).first()
    if kept is None or kept.removed_at < now - QUARANTINE_TIME:
        return None
    as_it_was = {"metadata": kept.metadata, "vapid_key": kept.vapid_key, **said}
    device_id = DeviceId(made.id)
    if await _is_counted(tx, kept):
        device_id = as_it_was["id"] = DeviceId(kept.id)
        as_it_was["user_id"] = kept.user_id
        tie = (kept.id, kept.platform, kept.user_id)
        await history.note(tx, made.instance_id, [tie], What.RETURNED, now=now)
    this = and_(devices.c.instance_id == made.instance_id, devices.c.id == made.id)
    await tx.execute(update(devices).where(this).values(as_it_was))
    await _subscribe(tx, kept, device_id)
    return device_id


# Built once: to build it costs more than to run it.
_TAKEN_OUT = (
    delete(quarantine)
    .where(
        quarantine.c.instance_id == bindparam("of_instance"),
        quarantine.c.platform == bindparam("of_platform"),
        quarantine.c.token_hash == bindparam("with_hash"),
    )
    .returning(quarantine)
)


async def restore(
    tx: AsyncConnection, instance_id: InstanceId, device_id: str, *, now: datetime
) -> None:
    """Bring the device back, as it was.

    Raises, with nothing changed: NotFound if it is not in quarantine, or its push token has been
    registered anew since; LimitReached if its user has a hundred other devices by now.
    """
    if not await instances.hold(tx, instance_id):
        raise NotFound("instance")
    kept = select(quarantine).where(_one(instance_id, device_id)).with_for_update()
    row = (await tx.execute(kept)).first()
    if row is None or row.removed_at < now - QUARANTINE_TIME:
        raise NotFound("device in quarantine")
    back = {name: getattr(row, name) for name in _COPIED}
    restored = await tx.execute(insert(devices).values(back).on_conflict_do_nothing())
    if restored.rowcount == 0:
        raise NotFound("device in quarantine whose push token was not registered anew")
    if row.user_id is not None:
        await users.take_slot(tx, instance_id, row.user_id, Platform(row.platform))
    tie = (row.id, row.platform, row.user_id)
    await history.note(tx, instance_id, [tie], What.RESTORED, now=now)
    await _subscribe(tx, row, device_id)
    await forget(tx, instance_id, device_id)


async def _is_counted(tx: AsyncConnection, kept: Row[Any]) -> bool:
    """Count the device as its user's again. False, with nothing changed, if it is the 101st."""
    try:
        if kept.user_id is not None:
            await users.take_slot(tx, kept.instance_id, kept.user_id, Platform(kept.platform))
    except LimitReached:
        return False
    return True


async def _subscribe(tx: AsyncConnection, kept: Row[Any], device_id: str) -> None:
    """Give the device the interests that are kept."""
    common = {
        "instance_id": kept.instance_id,
        "platform": kept.platform,
        "device_id": device_id,
    }
    rows = [{**common, "interest": interest} for interest in msgspec.json.decode(kept.interests)]
    if rows:
        await tx.execute(insert(subscriptions), rows)


def _one(instance_id: InstanceId, device_id: str) -> ColumnElement[bool]:
    return and_(quarantine.c.instance_id == instance_id, quarantine.c.id == device_id)
