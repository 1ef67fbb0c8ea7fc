"""What devices report back: each device's acknowledgement and open of a publish counts once.

Nobody proves itself here: the ids of a device and of a publish are all a report has. So it counts
only of a device that the publish was for, as far as that is known. Of one to users it is known: a
verdict was kept of the device, or it will be, as it is one of those users' and the publish goes on.
Who knows a publish, but no device of those users, can't count in it. Of one to interests no devices
are kept, and anybody may subscribe one: there each device that is registered may count, once.
"""

import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Text, and_, bindparam, column, select, values
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.device import Platform
from heliograph.model.event import Event, EventKind
from heliograph.model.ids import DeviceId, InstanceId, PublishId, UserId
from heliograph.model.insights import day_of
from heliograph.model.publish import AudienceKind, PublishState
from heliograph.model.report import REPORTED_AS
from heliograph.store import devices, insights, instances, publishes, webhook_events
from heliograph.store import schema as tables
from heliograph.store.schema import reports

_PARTS = 16
"""Over so many rows an event's count is spread: the devices of a large publish report at once."""
_Pair = tuple[PublishId, DeviceId]
_Key = tuple[PublishId, DeviceId, EventKind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """An event that counts, and what is known of its device and its publish."""

    event: Event
    platform: Platform
    user_id: UserId | None
    audience: AudienceKind
    accepted_at: datetime


async def record_all(
    tx: AsyncConnection, instance_id: InstanceId, events: Sequence[Event], *, now: datetime
) -> Sequence[Counted]:
    """Count those of the events that were not counted before, and are of a device they can be of.

    A few hundred events cost hardly more statements than one.
    """
    if not await instances.hold(tx, instance_id):
        return []
    # In one order, so that two who record some of the same don't wait for each other's rows.
    named = sorted({_key_of(event): event for event in reversed(events)}.items())
    known = await _known(tx, instance_id, [event for _, event in named], now=now)
    new = await _add(tx, instance_id, known)
    counted = [one for one in known if _key_of(one.event) in new]
    await _count(tx, instance_id, counted)
    of_users = [(one.event, one.user_id) for one in counted]
    await webhook_events.users_reported(tx, instance_id, of_users, now=now)
    return counted


async def _known(
    tx: AsyncConnection, instance_id: InstanceId, events: Sequence[Event], *, now: datetime
) -> Sequence[Counted]:
    """Those whose publish was for their device, as far as is known; that these are active."""
    mine = {"of_instance": instance_id}
    device_ids = sorted({event.device_id for event in events})
    publish_ids = sorted({event.publish_id for event in events})
    of_devices = await tx.execute(_DEVICES, {**mine, "with_ids": device_ids})
    of_publishes = await tx.execute(_PUBLISHES, {**mine, "with_ids": publish_ids})
    there, accepted = {row.id: row for row in of_devices}, {row.id: row for row in of_publishes}
    possible = [one for one in events if one.device_id in there and one.publish_id in accepted]
    to_users = [one for one in possible if accepted[one.publish_id].audience == AudienceKind.USERS]
    strangers = await _strangers(tx, instance_id, to_users, there, accepted)
    known = [one for one in possible if (one.publish_id, one.device_id) not in strangers]
    today = day_of(now)
    seen = sorted({one.device_id for one in known if there[one.device_id].active_on != today})
    if seen:
        await devices.note_active(tx, instance_id, seen, now=now)
    return [
        Counted(
            event=one,
            platform=Platform(there[one.device_id].platform),
            user_id=there[one.device_id].user_id,
            audience=AudienceKind(accepted[one.publish_id].audience),
            accepted_at=accepted[one.publish_id].accepted_at,
        )
        for one in known
    ]


async def _strangers(
    tx: AsyncConnection,
    instance_id: InstanceId,
    events: Sequence[Event],
    there: Mapping[DeviceId, Any],
    accepted: Mapping[PublishId, Any],
) -> set[_Pair]:
    """The devices that a publish to users was not for."""
    left = {(one.publish_id, one.device_id) for one in events}
    if not left:
        return left
    tied = [
        (publish_id, there[device_id].user_id, device_id)
        for publish_id, device_id in left
        if there[device_id].user_id is not None
    ]
    left -= await sent_to(tx, instance_id, tied)
    if not left:
        return left
    mine = {"of_instance": instance_id}
    # A phone can be faster than the noting of what its gateway said.
    wanted = sorted({publish_id for publish_id, _ in left})
    users = {
        row.id: frozenset(msgspec.json.decode(row.names, type=list[str]))
        for row in await tx.execute(_NAMES, {**mine, "with_ids": wanted})
    }

    def may_be(publish_id: PublishId, device_id: DeviceId) -> bool:
        is_under_way = accepted[publish_id].finished_at is None
        meant = users[publish_id]
        # Publishes of earlier versions say of nobody whom they were for.
        return not meant or (is_under_way and there[device_id].user_id in meant)

    return {pair for pair in left if not may_be(*pair)}


async def sent_to(
    tx: AsyncConnection,
    instance_id: InstanceId,
    tied: Collection[tuple[PublishId, UserId, DeviceId]],
) -> set[_Pair]:
    """The publishes and devices that a verdict says something was sent of."""
    if not tied:
        return set()
    # Joined to them: given as (publish, …) IN …, SQLite looks through all of the instance.
    names = "publish_id", "user_id", "device_id"
    given = values(*(column(name, Text) for name in names), name="given")
    wanted = given.data(sorted(tied)).cte()
    same = and_(*(tables.verdicts.c[name] == wanted.c[name] for name in names))
    sent = select(tables.verdicts.c.publish_id, tables.verdicts.c.device_id).join(wanted, same)
    mine = tables.verdicts.c.instance_id == instance_id
    reached = tables.verdicts.c.outcome.not_in(["untied", "cancelled"])
    rows = await tx.execute(sent.where(mine, reached))
    return {(row.publish_id, row.device_id) for row in rows}


async def _add(tx: AsyncConnection, instance_id: InstanceId, known: Iterable[Counted]) -> set[_Key]:
    """Note the events; those that are new."""
    rows = [
        {
            "instance_id": instance_id,
            "publish_id": one.event.publish_id,
            "device_id": one.event.device_id,
            "event": one.event.kind,
            "reported_at": one.event.reported_at,
        }
        for one in known
    ]
    if not rows:
        return set()
    added = await tx.execute(_ADD, rows)
    return {(row.publish_id, row.device_id, EventKind(row.event)) for row in added}


async def _count(tx: AsyncConnection, instance_id: InstanceId, counted: Sequence[Counted]) -> None:
    by_publish: dict[tuple[PublishId, Platform], Counter[str]] = {}
    by_hour: dict[insights.Of, Counter[str]] = {}
    for one in counted:
        name = REPORTED_AS[one.event.kind]
        by_publish.setdefault((one.event.publish_id, one.platform), Counter())[name] += 1
        of = insights.Of.hour(one.audience, one.platform, one.accepted_at)
        figures = by_hour.setdefault(of, Counter())
        figures[name] += 1
        figures["openable"] += _is_openable(one.event, one.platform)
    part = random.randrange(_PARTS)  # noqa: S311  # any will do
    await publishes.count_all(tx, instance_id, by_publish, part=part)
    await insights.count(tx, instance_id, by_hour)


def _is_openable(event: Event, platform: Platform) -> bool:
    """Whether the system showed the notification. Phones show none while their app is in use."""
    is_shown = event.app_in_background or platform is Platform.WEB
    return event.kind is EventKind.DELIVERY and event.has_displayable_content and is_shown


def _key_of(event: Event) -> _Key:
    return event.publish_id, event.device_id, event.kind


# Built once: to build them costs more than to run them.
_DEVICES = select(
    tables.devices.c.id,
    tables.devices.c.platform,
    tables.devices.c.user_id,
    tables.devices.c.active_on,
).where(
    tables.devices.c.instance_id == bindparam("of_instance"),
    tables.devices.c.id.in_(bindparam("with_ids", expanding=True)),
)
_CHOSEN = and_(
    tables.publishes.c.instance_id == bindparam("of_instance"),
    tables.publishes.c.id.in_(bindparam("with_ids", expanding=True)),
)
_PUBLISHES = (
    select(
        tables.publishes.c.id,
        tables.publishes.c.audience,
        tables.publishes.c.accepted_at,
        tables.publishes.c.finished_at,
    )
    .where(_CHOSEN, tables.publishes.c.state != PublishState.FORGOTTEN)
    # They are held, so that none is forgotten while its report is written.
    .with_for_update(read=True, key_share=True)
)
_NAMES = select(tables.publishes.c.id, tables.publishes.c.names).where(_CHOSEN)
_ADD = (
    insert(reports)
    .on_conflict_do_nothing()
    .returning(reports.c.publish_id, reports.c.device_id, reports.c.event)
)
