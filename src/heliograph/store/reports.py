"""What devices report back: each device's acknowledgement and open of a publish counts once."""

from datetime import datetime
from zlib import crc32

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.device import Platform
from heliograph.model.event import Event
from heliograph.model.ids import InstanceId
from heliograph.model.publish import PublishState
from heliograph.model.report import REPORTED_AS
from heliograph.store import instances, publishes, webhook_events
from heliograph.store.schema import devices, reports
from heliograph.store.schema import publishes as publishes_table

_PARTS = 16
"""Over so many rows an event's count is spread: the devices of a large publish report at once."""


async def record(
    tx: AsyncConnection, instance_id: InstanceId, event: Event, *, now: datetime
) -> bool:
    """Count the event, and tell webhooks of it.

    False if it was counted before, or its device or publish is unknown.
    """
    asked = {
        "of_instance": instance_id,
        "of_device": event.device_id,
        "of_publish": event.publish_id,
    }
    if not await instances.hold(tx, instance_id):
        return False
    row = (await tx.execute(_TIED, asked)).first()
    if row is None or not await _record_once(tx, instance_id, event, Platform(row.platform)):
        return False
    await webhook_events.users_reported(tx, instance_id, [(event, row.user_id)], now=now)
    return True


# Built once: to build it costs more than to run it.
_TIED = (
    select(devices.c.platform, devices.c.user_id)
    .join(publishes_table, publishes_table.c.instance_id == devices.c.instance_id)
    .where(
        devices.c.instance_id == bindparam("of_instance"),
        devices.c.id == bindparam("of_device"),
        publishes_table.c.id == bindparam("of_publish"),
        publishes_table.c.state != PublishState.FORGOTTEN,
    )
    # The publish is held, so that it is not forgotten while its report is written.
    .with_for_update(read=True, key_share=True, of=publishes_table)
)
"""What is known of the device, if it and the publish are."""


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
    counted = {REPORTED_AS[event.kind]: 1}
    part = crc32(event.device_id.encode()) % _PARTS
    await publishes.count(tx, instance_id, event.publish_id, platform, counted, part=part)
    return True
