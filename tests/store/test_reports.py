"""A report counts once, of a device that the publish was for, and what it costs does not grow."""

import asyncio
from datetime import timedelta
from functools import partial

import msgspec
import pytest
from sqlalchemy import insert, select, update

from heliograph.data import create_instance, new_secret_key
from heliograph.delivery.reported import Reported
from heliograph.model.batch import Batch
from heliograph.model.device import Device, Platform
from heliograph.model.event import Event, EventKind
from heliograph.model.ids import (
    DeviceId,
    InstanceId,
    PublishId,
    UserId,
    new_device_id,
    new_instance_id,
    new_publish_id,
)
from heliograph.model.insights import HOUR, Figures, day_of
from heliograph.model.publish import AudienceKind, Publish, Users
from heliograph.model.shard import Shard
from heliograph.store import insights, publishes, reports, schema, users, verdicts
from heliograph.store.database import PostgresqlUrl
from heliograph.store.engine import Store, open_store
from heliograph.store.verdicts import Noted
from tests.databases import SEAL
from tests.postgresql import Postgresql
from tests.store.explained import visited
from tests.store.racing import (
    FCM,
    NOW,
    Work,
    at_once,
    new_device,
    new_publish,
    publish_of,
)

ALICE, BOB = UserId("alice"), UserId("bob")
DELIVERY, OPEN = EventKind.DELIVERY, EventKind.OPEN


def event_of(publish_id: PublishId, device: Device, kind: EventKind = DELIVERY) -> Event:
    return Event(kind=kind, publish_id=publish_id, device_id=device.id, reported_at=NOW)


async def device_of(store: Store, instance_id: InstanceId, user_id: UserId) -> Device:
    device = await new_device(store, instance_id)
    async with store.writing() as tx:
        await users.tie(tx, instance_id, FCM, device.id, user_id, now=NOW)
    return device


async def publish_to_users(
    store: Store, instance_id: InstanceId, *user_ids: UserId, is_finished: bool
) -> Publish:
    publish = msgspec.structs.replace(publish_of(instance_id), audience=Users(user_ids))
    shard = Shard(platform=FCM, number=0, done=is_finished)
    async with store.writing() as tx:
        assert await publishes.begin(tx, publish, [shard], [], now=NOW)
    return publish


async def keep_verdict(store: Store, publish: Publish, device: Device, outcome: str) -> None:
    batch = Batch(
        publish_id=publish.id,
        instance_id=publish.instance_id,
        audience=AudienceKind.USERS,
        platform=FCM,
        shard=0,
        number=1,
        accepted_at=NOW,
        payload={},
        targets=[],
    )
    said = Noted(device_id=device.id, user_id=ALICE, outcome=outcome, reason="")
    async with store.writing() as tx:
        await verdicts.add_all(tx, batch, 1, [said], now=NOW)


async def is_counted(store: Store, instance_id: InstanceId, event: Event) -> bool:
    async with store.writing() as tx:
        return bool(await reports.record_all(tx, instance_id, [event], now=NOW))


async def figures(store: Store, instance_id: InstanceId) -> Figures:
    async with store.reading() as connection:
        return (await insights.read(connection, instance_id, NOW, NOW + HOUR, None)).total


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        ("delivered", True),
        ("retried", True),
        ("failed", True),
        ("untied", False),
        ("cancelled", False),
    ],
)
async def test_of_a_publish_to_users_those_count_that_were_sent_it(
    store: Store, instance_id: InstanceId, outcome: str, *, counts: bool
) -> None:
    publish = await publish_to_users(store, instance_id, ALICE, is_finished=True)
    device = await device_of(store, instance_id, ALICE)
    await keep_verdict(store, publish, device, outcome)
    assert await is_counted(store, instance_id, event_of(publish.id, device)) is counts


async def test_who_knows_a_publish_but_was_not_sent_it_can_not_count_in_it(
    store: Store, instance_id: InstanceId
) -> None:
    for is_finished in (True, False):
        publish = await publish_to_users(store, instance_id, ALICE, is_finished=is_finished)
        hers = await device_of(store, instance_id, ALICE)
        await keep_verdict(store, publish, hers, "delivered")
        for stranger in (
            await device_of(store, instance_id, BOB),
            await new_device(store, instance_id),
        ):
            for kind in (DELIVERY, OPEN):
                event = event_of(publish.id, stranger, kind)
                assert not await is_counted(store, instance_id, event)
    assert await figures(store, instance_id) == Figures(publishes=2)


async def test_a_phone_may_be_faster_than_the_noting_of_what_its_gateway_said(
    store: Store, instance_id: InstanceId
) -> None:
    device = await device_of(store, instance_id, ALICE)
    under_way = await publish_to_users(store, instance_id, BOB, ALICE, is_finished=False)
    assert await is_counted(store, instance_id, event_of(under_way.id, device))
    finished = await publish_to_users(store, instance_id, BOB, ALICE, is_finished=True)
    assert not await is_counted(store, instance_id, event_of(finished.id, device))


async def test_a_publish_of_an_earlier_version_says_of_nobody_whom_it_was_for(
    store: Store, instance_id: InstanceId
) -> None:
    publish = await publish_to_users(store, instance_id, ALICE, is_finished=True)
    table = schema.publishes
    async with store.writing() as tx:
        mine = table.c.instance_id == instance_id
        await tx.execute(update(table).where(mine).values(names="[]"))
    device = await device_of(store, instance_id, ALICE)
    assert await is_counted(store, instance_id, event_of(publish.id, device))


@pytest.mark.parametrize("later", [timedelta(), timedelta(days=1)])
async def test_groups_that_come_at_once_in_any_order_count_each_event_once(
    store: Store, instance_id: InstanceId, later: timedelta
) -> None:
    devices = [await new_device(store, instance_id) for _ in range(60)]
    publish_ids = [await new_publish(store, instance_id) for _ in range(3)]
    events = [
        event_of(publish_id, device, kind)
        for publish_id in publish_ids
        for device in devices
        for kind in EventKind
    ]

    def work(number: int) -> Work:
        turned = events[number * 30 :] + events[: number * 30]
        group = [*turned, *turned[:5]][:: 1 if number % 2 else -1]
        # A day later, each notes all devices as active, too.
        now = NOW + later
        return partial(reports.record_all, instance_id=instance_id, events=group, now=now)

    counted = await at_once(store, [work(number) for number in range(12)])
    assert sum(map(len, counted)) == len(events)
    assert await figures(store, instance_id) == Figures(publishes=3, acknowledged=180, opened=180)
    async with store.reading() as connection:
        for publish_id in publish_ids:
            report = await publishes.report(connection, instance_id, publish_id)
            assert report.counts == {FCM: {"acknowledged": 60, "opened": 60}}


async def test_a_device_that_reports_is_active(store: Store, instance_id: InstanceId) -> None:
    device, publish_id = await new_device(store, instance_id), await new_publish(store, instance_id)
    later = NOW + timedelta(days=40)
    async with store.writing() as tx:
        await reports.record_all(tx, instance_id, [event_of(publish_id, device)], now=later)
    table = schema.devices
    chosen = select(table.c.active_on).where(table.c.instance_id == instance_id)
    async with store.reading() as connection:
        assert await connection.scalar(chosen) == day_of(later)


@pytest.mark.parametrize(
    ("platform", "displayable", "background", "openable"),
    [
        (FCM, True, True, 1),
        (FCM, True, False, 0),
        (FCM, False, True, 0),
        (Platform.WEB, True, False, 1),
        (Platform.WEB, False, True, 0),
    ],
)
async def test_what_was_shown_is_openable(
    store: Store,
    instance_id: InstanceId,
    platform: Platform,
    displayable: bool,  # noqa: FBT001
    background: bool,  # noqa: FBT001
    openable: int,
) -> None:
    device, publish_id = await new_device(store, instance_id), await new_publish(store, instance_id)
    table = schema.devices
    async with store.writing() as tx:
        mine = table.c.instance_id == instance_id
        await tx.execute(update(table).where(mine).values(platform=platform))
    for kind in EventKind:
        event = Event(
            kind=kind,
            publish_id=publish_id,
            device_id=device.id,
            reported_at=NOW,
            has_displayable_content=displayable,
            app_in_background=background,
        )
        assert await is_counted(store, instance_id, event)
    assert (await figures(store, instance_id)).openable == openable


async def test_a_group_costs_the_same_however_much_is_kept(
    store: Store, instance_id: InstanceId
) -> None:
    publish = await publish_to_users(store, instance_id, ALICE, is_finished=True)
    device = await device_of(store, instance_id, ALICE)
    await keep_verdict(store, publish, device, "delivered")
    others = [PublishId(new_publish_id()) for _ in range(20)]
    rows = [
        {
            "instance_id": instance_id,
            "publish_id": others[number % len(others)],
            "device_id": new_device_id(FCM),
            "number": 1,
            "user_id": BOB,
            "platform": FCM,
            "outcome": "delivered",
            "reason": "",
            "said_at": NOW,
        }
        for number in range(4000)
    ]
    async with store.writing() as tx:
        await tx.execute(insert(schema.verdicts), rows)
    await store.survey()
    tied = [(publish.id, ALICE, device.id)] + [
        (PublishId(str(row["publish_id"])), BOB, DeviceId(str(row["device_id"])))
        for row in rows[:20]
    ]
    cost = await visited(store, lambda tx: reports.sent_to(tx, instance_id, tied))
    assert cost < len(rows)


async def test_reports_are_answered_while_the_database_is_away(own_postgresql: Postgresql) -> None:
    instance_id = new_instance_id()
    async with open_store(PostgresqlUrl(own_postgresql.new_database()), SEAL) as store:
        await create_instance(store, "away", instance_id, new_secret_key())
        device = await new_device(store, instance_id)
        publish_id = await new_publish(store, instance_id)
        reported = Reported(store, lambda: NOW)
        own_postgresql.stop()
        assert await reported(instance_id, event_of(publish_id, device)) is False


async def test_a_crowd_fills_no_memory_and_what_comes_after_it_counts(
    store: Store, instance_id: InstanceId, caplog: pytest.LogCaptureFixture
) -> None:
    device, publish_id = await new_device(store, instance_id), await new_publish(store, instance_id)
    reported = Reported(store, lambda: NOW)
    event = event_of(publish_id, device)
    async with asyncio.TaskGroup() as crowd:
        tasks = [crowd.create_task(reported(instance_id, event)) for _ in range(10_500)]
    assert sum(task.result() for task in tasks) == 1
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said == ["devices report faster than the database counts: reports are dropped"]
    assert await reported(instance_id, event_of(publish_id, device, OPEN))
    assert await figures(store, instance_id) == Figures(publishes=1, acknowledged=1, opened=1)
