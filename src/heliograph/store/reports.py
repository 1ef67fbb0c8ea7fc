"""What devices report back: each device's acknowledgement and open of a publish counts once."""

from datetime import datetime
from zlib import crc32

from sqlalchemy import and_, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.device import Platform
from heliograph.model.event import Event, EventKind
from heliograph.model.ids import InstanceId
from heliograph.store import instances, publishes, webhook_events
from heliograph.store.schema import devices, reports
from heliograph.store.schema import publishes as publishes_table

_PARTS = 16
"""Over so many rows an event's count is spread: the devices of a large publish report at once."""
_COUNTED_AS = {EventKind.DELIVERY: "acknowledged", EventKind.OPEN: "opened"}


async def record(
    tx: AsyncConnection, instance_id: InstanceId, event: Event, *, now: datetime
) -> bool:
    """Count the event, and tell webhooks of it.

    False if it was counted before, or its device or publish is unknown.
    """
    device = and_(devices.c.instance_id == instance_id, devices.c.id == event.device_id)
    known = exists().where(
        publishes_table.c.instance_id == instance_id,
        publishes_table.c.id == event.publish_id,
    )
    if not await instances.hold(tx, instance_id):
        return False
    tied = select(devices.c.platform, devices.c.user_id)
    row = (await tx.execute(tied.where(device, known))).first()
    if row is None or not await _record_once(tx, instance_id, event, Platform(row.platform)):
        return False
    await webhook_events.users_reported(tx, instance_id, [(event, row.user_id)], now=now)
    return True


async def _record_once(
    tx: AsyncConnection, instance_id: InstanceId, event: Event, platform: Platform
) -> bool:
    row = {
        "instance_id": instance_id,
        "publish_id": event.publish_id,
        "device_id": event.device_id,
        "event": event.kind,
        "reported_at": event.reported_at,
    }
    recorded = await tx.execute(insert(reports).values(row).on_conflict_do_nothing())
    if recorded.rowcount == 0:
        return False
    counted = {_COUNTED_AS[event.kind]: 1}
    part = crc32(event.device_id.encode()) % _PARTS
    await publishes.count(tx, instance_id, event.publish_id, platform, counted, part=part)
    return True
