"""What devices report back: each device's acknowledgement and open of a publish counts once.

Nobody proves itself here: the ids of a device and of a publish are all a report has. So it counts
only of a device that the publish was for, as far as that is known. Of one to users it is known: a
verdict was kept of the device, or it will be, as it is one of those users' and the publish goes on.
Who knows a publish, but no device of those users, can't count in it. Of one to interests no devices
are kept, and anybody may subscribe one: there each device that is registered may count, once.
"""

from datetime import datetime
from zlib import crc32

import msgspec
from sqlalchemy import Row, and_, bindparam, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.device import Platform
from heliograph.model.event import Event, EventKind
from heliograph.model.ids import InstanceId
from heliograph.model.insights import day_of
from heliograph.model.publish import AudienceKind
from heliograph.store import devices, insights, instances, publishes
from heliograph.store import schema as tables
from heliograph.store.schema import reports

_PARTS = 16
"""Over so many rows an event's count is spread: the devices of a large publish report at once."""
_COUNTED_AS = {EventKind.DELIVERY: "acknowledged", EventKind.OPEN: "opened"}


async def record(
    tx: AsyncConnection, instance_id: InstanceId, event: Event, *, now: datetime
) -> bool:
    """Count the event. False if it was counted before, or is not of a device that it can be of."""
    if not await instances.hold(tx, instance_id):
        return False
    named = {
        "of_instance": instance_id,
        "of_publish": event.publish_id,
        "of_device": event.device_id,
    }
    known = (await tx.execute(_KNOWN, named)).first()
    if known is None or not await _was_for(tx, known, named):
        return False
    if known.active_on != day_of(now):
        await devices.note_active(tx, instance_id, event.device_id, now=now)
    if not await _is_new(tx, instance_id, event):
        return False
    await _count(tx, instance_id, event, known)
    return True


async def _was_for(tx: AsyncConnection, known: Row[tuple[object]], named: dict[str, str]) -> bool:
    """Whether the publish was for the device, as far as is known."""
    if known.audience != AudienceKind.USERS or known.has_verdict:
        return True
    # A phone can be faster than the noting of what its gateway said.
    users = msgspec.json.decode(await tx.scalar(_NAMES, named) or "[]", type=list[str])
    is_under_way = known.finished_at is None and known.user_id in users
    # Publishes of earlier versions say of nobody whom they were for.
    return is_under_way or not users


async def _is_new(tx: AsyncConnection, instance_id: InstanceId, event: Event) -> bool:
    row = {
        "instance_id": instance_id,
        "publish_id": event.publish_id,
        "device_id": event.device_id,
        "event": event.kind,
        "reported_at": event.reported_at,
    }
    return (await tx.execute(_ADD, row)).rowcount == 1


async def _count(
    tx: AsyncConnection, instance_id: InstanceId, event: Event, known: Row[tuple[object]]
) -> None:
    platform = Platform(known.platform)
    counted = {_COUNTED_AS[event.kind]: 1}
    part = crc32(event.device_id.encode()) % _PARTS
    await publishes.count(tx, instance_id, event.publish_id, platform, counted, part=part)
    if _is_openable(event, platform):
        counted["openable"] = 1
    of_publish = instance_id, AudienceKind(known.audience), platform
    await insights.count(tx, *of_publish, counted, accepted_at=known.accepted_at)


def _is_openable(event: Event, platform: Platform) -> bool:
    """Whether the system showed the notification. Phones show none while their app is in use."""
    is_shown = event.app_in_background or platform is Platform.WEB
    return event.kind is EventKind.DELIVERY and event.has_displayable_content and is_shown


# Built once: to build them costs more than to run them.
_PUBLISH = and_(
    tables.publishes.c.instance_id == bindparam("of_instance"),
    tables.publishes.c.id == bindparam("of_publish"),
)
_KNOWN = select(
    tables.devices.c.platform,
    tables.devices.c.user_id,
    tables.devices.c.active_on,
    tables.publishes.c.audience,
    tables.publishes.c.accepted_at,
    tables.publishes.c.finished_at,
    exists()
    .where(
        tables.verdicts.c.instance_id == bindparam("of_instance"),
        tables.verdicts.c.publish_id == bindparam("of_publish"),
        tables.verdicts.c.device_id == bindparam("of_device"),
        tables.verdicts.c.outcome.not_in(["untied", "cancelled"]),
    )
    .label("has_verdict"),
).where(
    tables.devices.c.instance_id == tables.publishes.c.instance_id,
    tables.devices.c.id == bindparam("of_device"),
    _PUBLISH,
)
_NAMES = select(tables.publishes.c.names).where(_PUBLISH)
_ADD = insert(reports).on_conflict_do_nothing()
