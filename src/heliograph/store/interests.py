"""Interests: the public topics that devices subscribe to."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import ColumnElement, Integer, and_, bindparam, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.device import Device, Platform
from heliograph.model.errors import LimitReached, NotFound
from heliograph.model.ids import DeviceId, InstanceId, Interest
from heliograph.model.limits import MAX_INTERESTS_PER_DEVICE
from heliograph.store.schema import devices, subscriptions


async def of_device(
    tx: AsyncConnection,
    instance_id: InstanceId,
    device_id: DeviceId,
    *,
    after: str = "",
    limit: int = MAX_INTERESTS_PER_DEVICE,
) -> list[Interest]:
    """In alphabetical order, those behind `after`."""
    asked = {
        "of_instance": instance_id,
        "of_device": device_id,
        "after_interest": after,
        "at_most": limit,
    }
    return [Interest(interest) for interest in await tx.scalars(_PAGE, asked)]


# Built once: to build it costs more than to run it.
_PAGE = (
    select(subscriptions.c.interest)
    .where(
        subscriptions.c.instance_id == bindparam("of_instance"),
        subscriptions.c.device_id == bindparam("of_device"),
        subscriptions.c.interest > bindparam("after_interest"),
    )
    .order_by(subscriptions.c.interest)
    .limit(bindparam("at_most", type_=Integer))
)


async def of_devices(
    tx: AsyncConnection, instance_id: InstanceId, device_ids: Sequence[DeviceId]
) -> dict[DeviceId, list[Interest]]:
    """All interests of each device, in alphabetical order."""
    rows = await tx.execute(
        select(subscriptions.c.device_id, subscriptions.c.interest)
        .where(
            subscriptions.c.instance_id == instance_id,
            subscriptions.c.device_id.in_(device_ids),
        )
        .order_by(subscriptions.c.device_id, subscriptions.c.interest)
    )
    found: dict[DeviceId, list[Interest]] = {device_id: [] for device_id in device_ids}
    for row in rows:
        found[row.device_id].append(row.interest)
    return found


async def add(tx: AsyncConnection, device: Device, interest: Interest) -> None:
    """Subscribe the device; again changes nothing.

    Raises LimitReached, with nothing changed; NotFound if the device was removed meanwhile.
    """
    await _lock(tx, device)
    row = _row(device, interest)
    added = await tx.execute(insert(subscriptions).values(row).on_conflict_do_nothing())
    if added.rowcount == 1 and await _count(tx, device) > MAX_INTERESTS_PER_DEVICE:
        raise LimitReached("interests", MAX_INTERESTS_PER_DEVICE)


async def remove(tx: AsyncConnection, device: Device, interest: Interest) -> None:
    """Unsubscribe the device; one that isn't subscribed stays so."""
    await tx.execute(delete(subscriptions).where(_of(device), subscriptions.c.interest == interest))


async def replace(tx: AsyncConnection, device: Device, interests: Collection[Interest]) -> None:
    """Make these the device's interests. The caller has checked that they are not too many.

    Raises NotFound if the device was removed meanwhile.
    """
    await _lock(tx, device)
    await tx.execute(delete(subscriptions).where(_of(device)))
    await add_all(tx, [(device, interests)])


async def add_all(
    tx: AsyncConnection, added: Iterable[tuple[Device, Collection[Interest]]]
) -> None:
    """Subscribe devices without interests. The caller has checked that they are not too many."""
    rows = [_row(device, interest) for device, interests in added for interest in interests]
    if rows:
        await tx.execute(insert(subscriptions), rows)


async def inherit(
    tx: AsyncConnection,
    instance_id: InstanceId,
    platform: Platform,
    device_id: DeviceId,
    previous: Sequence[DeviceId],
) -> None:
    """Subscribe a new device to the interests of those that its app had before, as far as known."""
    of_previous = and_(
        subscriptions.c.instance_id == instance_id, subscriptions.c.device_id.in_(previous)
    )
    rows = (
        select(
            subscriptions.c.instance_id,
            subscriptions.c.interest,
            literal(platform.value),
            literal(device_id),
        )
        .where(of_previous)
        .distinct()
        .order_by(subscriptions.c.interest)
        .limit(MAX_INTERESTS_PER_DEVICE)
    )
    await tx.execute(insert(subscriptions).from_select(_COLUMNS, rows))


_COLUMNS = ("instance_id", "interest", "platform", "device_id")


async def _lock(tx: AsyncConnection, device: Device) -> None:
    """One change of the device's interests at a time: two could be one too many together."""
    it = and_(devices.c.instance_id == device.instance_id, devices.c.id == device.id)
    if await tx.scalar(select(devices.c.id).where(it).with_for_update(key_share=True)) is None:
        raise NotFound("device")


async def _count(tx: AsyncConnection, device: Device) -> int:
    mine = _of(device)
    return await tx.scalar(select(func.count()).select_from(subscriptions).where(mine)) or 0


def _row(device: Device, interest: Interest) -> dict[str, str]:
    return {
        "instance_id": device.instance_id,
        "interest": interest,
        "platform": device.platform,
        "device_id": device.id,
    }


def _of(device: Device) -> ColumnElement[bool]:
    return and_(
        subscriptions.c.instance_id == device.instance_id,
        subscriptions.c.device_id == device.id,
    )
