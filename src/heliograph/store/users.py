"""Users: a device is tied to at most one, and a user has at most a hundred devices a platform."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.device import Platform
from heliograph.model.errors import Invalid, LimitReached, NotFound
from heliograph.model.history import What
from heliograph.model.ids import InstanceId, UserId
from heliograph.model.insights import day_of
from heliograph.model.limits import MAX_DEVICES_PER_USER
from heliograph.store import history
from heliograph.store.schema import device_slots, devices

Slot = tuple[UserId, Platform]
"""What at most a hundred devices may have."""


async def tie(
    tx: AsyncConnection,
    instance_id: InstanceId,
    platform: Platform,
    device_id: str,
    user_id: UserId,
    *,
    now: datetime,
) -> None:
    """Tie the device to the user; to the same user again changes nothing.

    Raises, with nothing changed: NotFound for an unknown device, Invalid if it has another user,
    LimitReached if the user has a hundred devices on the platform.
    """
    device = and_(
        devices.c.instance_id == instance_id,
        devices.c.id == device_id,
        devices.c.platform == platform,
    )
    untied = and_(device, devices.c.user_id.is_(None))
    new = {"user_id": user_id, "active_on": day_of(now)}
    tied = await tx.execute(update(devices).where(untied).values(new))
    if tied.rowcount == 1:
        await take_slot(tx, instance_id, user_id, platform)
        tie = (device_id, platform, user_id)
        await history.note(tx, instance_id, [tie], What.TIED, now=now)
        return
    known = select(devices.c.user_id, devices.c.active_on).where(device)
    row = (await tx.execute(known)).first()
    if row is None:
        raise NotFound("device")
    if row.user_id != user_id:
        raise Invalid("userId", "A User Id is already associated with this device.")
    if row.active_on != day_of(now):
        await tx.execute(update(devices).where(device).values(active_on=day_of(now)))


async def take_slot(
    tx: AsyncConnection, instance_id: InstanceId, user_id: UserId, platform: Platform
) -> None:
    """One device more of the user on the platform. Raises LimitReached, with nothing changed."""
    # Count and limit are one statement: two arrivals can't both see ninety-nine.
    row = {
        "instance_id": instance_id,
        "user_id": user_id,
        "platform": platform,
        "taken": 1,
    }
    taken = await tx.execute(
        insert(device_slots)
        .values(row)
        .on_conflict_do_update(
            index_elements=list(device_slots.primary_key),
            set_={"taken": device_slots.c.taken + 1},
            where=device_slots.c.taken < MAX_DEVICES_PER_USER,
        )
    )
    if taken.rowcount == 0:
        raise LimitReached("devices", MAX_DEVICES_PER_USER)


async def slots_taken(
    tx: AsyncConnection, instance_id: InstanceId, user_ids: Collection[UserId]
) -> Counter[Slot]:
    """How many devices the users have on each platform."""
    of_users = and_(device_slots.c.instance_id == instance_id, device_slots.c.user_id.in_(user_ids))
    rows = await tx.execute(select(device_slots).where(of_users))
    return Counter({(row.user_id, Platform(row.platform)): row.taken for row in rows})


async def take_slots(
    tx: AsyncConnection, instance_id: InstanceId, wanted: Mapping[Slot, int]
) -> None:
    """So many devices more of each user on the platform.

    Raises LimitReached if that is too many of one; then the transaction must not be committed.
    """
    if not wanted:
        return
    statement = insert(device_slots)
    together = device_slots.c.taken + statement.excluded.taken
    taken = await tx.execute(
        statement.on_conflict_do_update(
            index_elements=list(device_slots.primary_key),
            set_={"taken": together},
            where=together <= MAX_DEVICES_PER_USER,
        ).returning(device_slots.c.taken),
        [
            {"instance_id": instance_id, "user_id": user, "platform": platform, "taken": number}
            for (user, platform), number in wanted.items()
        ],
    )
    if len(taken.all()) != len(wanted):
        raise LimitReached("devices", MAX_DEVICES_PER_USER)


async def free_slot(
    tx: AsyncConnection, instance_id: InstanceId, user_id: UserId, platform: str
) -> None:
    """One device less of the user on the platform; a user without any leaves no row behind."""
    slot = and_(
        device_slots.c.instance_id == instance_id,
        device_slots.c.user_id == user_id,
        device_slots.c.platform == platform,
    )
    await tx.execute(update(device_slots).where(slot).values(taken=device_slots.c.taken - 1))
    await tx.execute(delete(device_slots).where(slot, device_slots.c.taken <= 0))
