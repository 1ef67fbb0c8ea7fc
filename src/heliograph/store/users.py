"""Users: a device is tied to at most one, and a user has at most a hundred devices a platform."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import and_, bindparam, delete, select, update
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
    device = {"of_instance": instance_id, "with_id": device_id, "of_platform": platform}
    tied = await tx.execute(_TIED, {**device, "new_user": user_id, "today": day_of(now)})
    if tied.rowcount == 1:
        await take_slot(tx, instance_id, user_id, platform)
        tie = (device_id, platform, user_id)
        await history.note(tx, instance_id, [tie], What.TIED, now=now)
        return
    row = (await tx.execute(_USER, device)).first()
    if row is None:
        raise NotFound("device")
    if row.user_id != user_id:
        raise Invalid("userId", "A User Id is already associated with this device.")
    if row.active_on != day_of(now):
        await tx.execute(_ACTIVE, {**device, "today": day_of(now)})


# These are built once: to build one costs more than to run it.
_DEVICE = and_(
    devices.c.instance_id == bindparam("of_instance"),
    devices.c.id == bindparam("with_id"),
    devices.c.platform == bindparam("of_platform"),
)
_TIED = (
    update(devices)
    .where(_DEVICE, devices.c.user_id.is_(None))
    .values(user_id=bindparam("new_user"), active_on=bindparam("today"))
)
_USER = select(devices.c.user_id, devices.c.active_on).where(_DEVICE)
_ACTIVE = update(devices).where(_DEVICE).values(active_on=bindparam("today"))


async def take_slot(
    tx: AsyncConnection, instance_id: InstanceId, user_id: UserId, platform: Platform
) -> None:
    """One device more of the user on the platform. Raises LimitReached, with nothing changed."""
    row = {
        "instance_id": instance_id,
        "user_id": user_id,
        "platform": platform,
        "taken": 1,
    }
    if (await tx.execute(_SLOT_TAKEN, row)).rowcount == 0:
        raise LimitReached("devices", MAX_DEVICES_PER_USER)


# Count and limit are one statement: two arrivals can't both see ninety-nine.
_SLOT_TAKEN = insert(device_slots).on_conflict_do_update(
    index_elements=list(device_slots.primary_key),
    set_={"taken": device_slots.c.taken + 1},
    where=device_slots.c.taken < MAX_DEVICES_PER_USER,
)


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
