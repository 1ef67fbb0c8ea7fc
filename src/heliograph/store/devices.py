"""Devices: registered, looked at, changed, removed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.batch import Batch
from heliograph.model.device import Device, Platform, token_hash
from heliograph.model.errors import NotFound
from heliograph.model.history import What
from heliograph.model.ids import DeviceId, InstanceId, UserId, new_device_id
from heliograph.model.insights import day_of
from heliograph.model.publish import PublishState
from heliograph.store import credentials, history, instances, quarantine, users
from heliograph.store.device_rows import device_of, encoded, row_of
from heliograph.store.schema import devices, publishes, subscriptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What a registration led to. is_new: no device had the push token before."""

    id: DeviceId
    is_new: bool


async def register(
    tx: AsyncConnection,
    instance_id: InstanceId,
    platform: Platform,
    push_token: str,
    metadata: Mapping[str, Any] | None,
    *,
    now: datetime,
) -> Registered:
    """The device with this push token: a known one as it is, with its user and interests, or new.

    Known is also one that is in quarantine: only a stop ends a device. metadata None leaves a known
    device's as it is. Raises NotFound for an unknown instance.
    """
    if not await instances.hold(tx, instance_id):
        raise NotFound("instance")
    row = {
        "instance_id": instance_id,
        "id": new_device_id(platform),
        "platform": platform,
        "push_token": push_token,
        "token_hash": token_hash(push_token),
        "metadata": encoded(metadata or {}),
        "registered_at": now,
        "vapid_key": await _vapid_key_for(tx, instance_id, platform),
        "active_on": day_of(now),
    }
    again: dict[str, Any] = {
        "registered_at": now,
        "lost_since": None,
        "active_on": day_of(now),
    }
    if metadata is not None:
        again["metadata"] = row["metadata"]
    statement = _REGISTERED if metadata is None else _REGISTERED_WITH_METADATA
    registered = (await tx.execute(statement, row)).one()
    if registered.id != row["id"]:
        return Registered(id=registered.id, is_new=False)
    # Asked only now, as a device that was removed a moment ago has just come into quarantine.
    back = await quarantine.bring_back(tx, registered, again, now=now)
    return Registered(id=back or registered.id, is_new=back is None)


# These are built once: to build one costs more than to run it.
_NEW = insert(devices)
_KNOWN_BY = [devices.c.instance_id, devices.c.platform, devices.c.token_hash]
_AGAIN = {"registered_at": _NEW.excluded.registered_at, "lost_since": None}
_REGISTERED = _NEW.on_conflict_do_update(index_elements=_KNOWN_BY, set_=_AGAIN).returning(devices)
_REGISTERED_WITH_METADATA = _NEW.on_conflict_do_update(
    index_elements=_KNOWN_BY, set_={**_AGAIN, "metadata": _NEW.excluded.metadata}
).returning(devices)


async def find(
    tx: AsyncConnection, instance_id: InstanceId, platform: Platform, device_id: str
) -> Device:
    """Raises NotFound."""
    asked = {"of_instance": instance_id, "with_id": device_id, "of_platform": platform}
    row = (await tx.execute(_FOUND, asked)).first()
    if row is None:
        raise NotFound("device")
    return device_of(row)


_FOUND = select(devices).where(
    devices.c.instance_id == bindparam("of_instance"),
    devices.c.id == bindparam("with_id"),
    devices.c.platform == bindparam("of_platform"),
)


async def of_user(tx: AsyncConnection, instance_id: InstanceId, user_id: UserId) -> list[Device]:
    """All devices of a user, in the order of their ids: at most a hundred a platform."""
    chosen = and_(devices.c.instance_id == instance_id, devices.c.user_id == user_id)
    rows = await tx.execute(select(devices).where(chosen).order_by(devices.c.id))
    return [device_of(row) for row in rows]


async def page(
    tx: AsyncConnection, instance_id: InstanceId, *, after: str, limit: int
) -> list[Device]:
    """The next devices of the instance in the order of their ids."""
    chosen = and_(devices.c.instance_id == instance_id, devices.c.id > after)
    rows = await tx.execute(select(devices).where(chosen).order_by(devices.c.id).limit(limit))
    return [device_of(row) for row in rows]


async def those_of(
    tx: AsyncConnection, instance_id: InstanceId, device_ids: Sequence[DeviceId]
) -> dict[DeviceId, Device]:
    """Those that are still there, by id."""
    chosen = and_(devices.c.instance_id == instance_id, devices.c.id.in_(device_ids))
    rows = await tx.execute(select(devices).where(chosen))
    return {row.id: device_of(row) for row in rows}


async def recipients(
    tx: AsyncConnection, batch: Batch, device_ids: Sequence[DeviceId]
) -> dict[DeviceId, Device]:
    """Those of the batch that are still there; none if its publish is paused or cancelled.

    What a batch is checked against before it is sent.
    """
    asked = {
        "of_instance": batch.instance_id,
        "of_publish": batch.publish_id,
        "with_ids": device_ids,
    }
    return {row.id: device_of(row) for row in await tx.execute(_RECIPIENTS, asked)}


_RECIPIENTS = select(devices).where(
    devices.c.instance_id == bindparam("of_instance"),
    devices.c.id.in_(bindparam("with_ids", expanding=True)),
    exists().where(
        publishes.c.instance_id == bindparam("of_instance"),
        publishes.c.id == bindparam("of_publish"),
        publishes.c.state == PublishState.RUNNING,
    ),
)


async def with_push_tokens(
    tx: AsyncConnection, instance_id: InstanceId, push_tokens: Collection[str]
) -> list[Device]:
    """The devices of any platform that have one of these push tokens."""
    chosen = and_(
        devices.c.instance_id == instance_id,
        devices.c.platform.in_(list(Platform)),
        devices.c.token_hash.in_([token_hash(push_token) for push_token in push_tokens]),
    )
    return [device_of(row) for row in await tx.execute(select(devices).where(chosen))]


async def count(tx: AsyncConnection, instance_id: InstanceId) -> int:
    mine = devices.c.instance_id == instance_id
    return await tx.scalar(select(func.count()).select_from(devices).where(mine)) or 0


async def add_all(tx: AsyncConnection, added: Sequence[Device]) -> None:
    """Store devices that are not there. The caller has counted them as their users'."""
    if added:
        await tx.execute(insert(devices), [row_of(device) for device in added])


async def change(tx: AsyncConnection, device: Device) -> None:
    """Store a device over the one with its id. The caller has counted it as its user's."""
    chosen = _one(device.instance_id, device.platform, device.id)
    await tx.execute(update(devices).where(chosen).values(row_of(device)))


async def set_metadata(
    tx: AsyncConnection,
    instance_id: InstanceId,
    platform: Platform,
    device_id: str,
    metadata: Mapping[str, Any],
    *,
    now: datetime,
) -> None:
    """Raises NotFound."""
    chosen = _one(instance_id, platform, device_id)
    new = {"metadata": encoded(metadata), "active_on": day_of(now)}
    changed = await tx.execute(update(devices).where(chosen).values(new))
    if changed.rowcount == 0:
        raise NotFound("device")


async def set_push_token(
    tx: AsyncConnection,
    instance_id: InstanceId,
    platform: Platform,
    device_id: str,
    push_token: str,
    *,
    now: datetime,
) -> Sequence[DeviceId]:
    """Give the device a new push token; another device that had it is removed, and told.

    Raises NotFound, with nothing changed. A registration of the same push token at this moment is
    a conflict: to be tried again.
    """
    device = _one(instance_id, platform, device_id)
    same_token = and_(
        devices.c.instance_id == instance_id,
        devices.c.platform == platform,
        devices.c.token_hash == token_hash(push_token),
    )
    changed = {
        "push_token": push_token,
        "token_hash": token_hash(push_token),
        "registered_at": now,
        "vapid_key": await _vapid_key_for(tx, instance_id, platform),
        "lost_since": None,
        "active_on": day_of(now),
    }
    either = and_(devices.c.instance_id == instance_id, or_(device, same_token))
    if device_id not in await _lock(tx, either):
        raise NotFound("device")
    removed = await _remove(tx, instance_id, and_(same_token, devices.c.id != device_id))
    await history.note(tx, instance_id, removed, What.REPLACED, now=now)
    await quarantine.forget_push_tokens(tx, instance_id, [push_token])
    await tx.execute(update(devices).where(device).values(changed))
    return [DeviceId(removed_id) for removed_id, *_ in removed]


async def note_active(
    tx: AsyncConnection, instance_id: InstanceId, device_ids: Sequence[DeviceId], *, now: datetime
) -> None:
    """Note that the devices were heard of today."""
    await lock(tx, instance_id, device_ids)
    chosen = and_(devices.c.instance_id == instance_id, devices.c.id.in_(device_ids))
    await tx.execute(update(devices).where(chosen).values(active_on=day_of(now)))


async def set_lost_since(tx: AsyncConnection, device: Device, since: datetime | None) -> None:
    """Note since when the host of the push token is lost; None: it is not, or no longer."""
    chosen = and_(
        _one(device.instance_id, device.platform, device.id),
        devices.c.token_hash == token_hash(device.push_token),
    )
    await tx.execute(update(devices).where(chosen).values(lost_since=since))


async def remove(
    tx: AsyncConnection,
    instance_id: InstanceId,
    platform: Platform,
    device_id: str,
    *,
    now: datetime,
) -> bool:
    """Untie and forget the device, also one in quarantine. False if there was none."""
    # Before: one that is being restored is a device then. After: one that was being removed.
    await quarantine.forget(tx, instance_id, device_id)
    removed = await _remove(tx, instance_id, _one(instance_id, platform, device_id))
    await history.note(tx, instance_id, removed, What.STOPPED, now=now)
    await quarantine.forget(tx, instance_id, device_id)
    return bool(removed)


async def remove_gone(tx: AsyncConnection, device: Device, reason: str, *, now: datetime) -> bool:
    """Move a device whose push token its gateway no longer knows into quarantine.

    Only if it is still as it was when it was sent to: one that has registered since, with the same
    push token or another, stays.
    """
    chosen = and_(
        _one(device.instance_id, device.platform, device.id),
        devices.c.token_hash == token_hash(device.push_token),
        devices.c.registered_at == device.registered_at,
    )
    row = (await tx.execute(select(devices).where(chosen).with_for_update())).first()
    if row is None:
        return False
    await quarantine.put(tx, row, reason, now=now)
    removed = await _remove(tx, device.instance_id, chosen)
    await history.note(tx, device.instance_id, removed, What.REMOVED, reason=reason, now=now)
    return bool(removed)


async def remove_of_user(
    tx: AsyncConnection, instance_id: InstanceId, user_id: UserId, *, now: datetime
) -> int:
    """Forget all devices of the user, also those in quarantine; how many there were.

    Of what happened to them nothing is kept, but that the user was deleted.

    Twice at once, for a user whose devices are just being removed, can be a conflict: to be tried
    again.
    """
    if not await instances.hold(tx, instance_id):
        return 0
    await quarantine.forget_of_user(tx, instance_id, user_id)
    chosen = and_(devices.c.instance_id == instance_id, devices.c.user_id == user_id)
    removed = await _remove(tx, instance_id, chosen)
    await quarantine.forget_of_user(tx, instance_id, user_id)
    if await history.forget_user(tx, instance_id, user_id) or removed:
        deleted = ("", "", user_id)
        await history.note(tx, instance_id, [deleted], What.USER_DELETED, now=now)
    return len(removed)


async def lock(
    tx: AsyncConnection, instance_id: InstanceId, device_ids: Sequence[DeviceId]
) -> None:
    """Keep others from changing the devices, before they are changed one by one."""
    await _lock(tx, and_(devices.c.instance_id == instance_id, devices.c.id.in_(device_ids)))


async def _lock(tx: AsyncConnection, chosen: ColumnElement[bool]) -> Sequence[str]:
    """Lock devices in the order that all do, so that nobody waits for one who waits for him."""
    them = select(devices.c.id).where(chosen).order_by(devices.c.id).with_for_update()
    return (await tx.scalars(them)).all()


async def _remove(
    tx: AsyncConnection, instance_id: InstanceId, chosen: ColumnElement[bool]
) -> Sequence[history.Tie]:
    """Remove devices; which there were, and whose."""
    await _lock(tx, chosen)
    removed = (
        await tx.execute(
            delete(devices)
            .where(chosen)
            .returning(devices.c.id, devices.c.platform, devices.c.user_id)
        )
    ).all()
    for row in removed:
        of_device = and_(
            subscriptions.c.instance_id == instance_id,
            subscriptions.c.device_id == row.id,
        )
        await tx.execute(delete(subscriptions).where(of_device))
        if row.user_id is not None:
            await users.free_slot(tx, instance_id, row.user_id, row.platform)
    return [(row.id, row.platform, row.user_id) for row in removed]


async def _vapid_key_for(
    tx: AsyncConnection, instance_id: InstanceId, platform: Platform
) -> str | None:
    """The key that a browser which registers now has subscribed with."""
    if platform is not Platform.WEB:
        return None
    return await credentials.vapid_public_key(tx, instance_id)


def _one(instance_id: InstanceId, platform: Platform, device_id: str) -> ColumnElement[bool]:
    return and_(
        devices.c.instance_id == instance_id,
        devices.c.id == device_id,
        devices.c.platform == platform,
    )
