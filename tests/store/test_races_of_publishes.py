"""What is promised of publishes holds when many workers are at them at once, on each database."""

import asyncio
from datetime import timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.answers import Answers
from heliograph.model.batch import Batch, Progress, Target
from heliograph.model.errors import NotFound
from heliograph.model.event import Event, EventKind
from heliograph.model.ids import DeviceId, InstanceId, PublishId, UserId
from heliograph.model.publish import Users
from heliograph.store import (
    answers,
    batches,
    devices,
    instances,
    pauses,
    publishes,
    reports,
    schema,
    targets,
    users,
)
from heliograph.store.batches import Range
from heliograph.store.engine import Store
from heliograph.store.targets import START
from tests.store.racing import FCM, NOW, Work, at_once, count, new_device, new_publish

CREDENTIAL = "credential"
NAMES = ("delivered", "failed", "removed", "retried")


def batch_of(instance_id: InstanceId, publish_id: PublishId, number: int) -> Batch:
    return Batch(
        publish_id=publish_id,
        instance_id=instance_id,
        platform=FCM,
        number=number,
        accepted_at=NOW,
        payload={},
        targets=[Target(DeviceId("fcm-1"), None)],
    )


def note(instance_id: InstanceId, publish_id: PublishId, number: int) -> Work:
    noted = Range(number=number, platform=FCM, first=START, last=START)
    return partial(batches.add, instance_id=instance_id, publish_id=publish_id, added=noted)


async def test_a_batch_that_many_workers_note_is_one(store: Store, instance_id: InstanceId) -> None:
    publish_id = await new_publish(store, instance_id)
    said = await at_once(store, [note(instance_id, publish_id, 1)] * 15)
    assert sorted(said) == [False] * 14 + [True]
    batches_of = select(schema.publishes.c.batches).where(schema.publishes.c.id == publish_id)
    async with store.reading() as connection:
        assert await connection.scalar(batches_of) == 1


async def test_of_many_that_store_progress_over_the_same_version_one_does(
    store: Store, instance_id: InstanceId
) -> None:
    publish_id = await new_publish(store, instance_id)
    await at_once(store, [note(instance_id, publish_id, 1)])
    advance = partial(
        batches.advance,
        batch=batch_of(instance_id, publish_id, 1),
        progress=Progress(),
        version=0,
        settled=False,
    )
    assert sorted(await at_once(store, [advance] * 15)) == [False] * 14 + [True]


async def test_a_publish_whose_batches_settle_at_once_is_finished(
    store: Store, instance_id: InstanceId
) -> None:
    publish_id = await new_publish(store, instance_id)
    await at_once(store, [note(instance_id, publish_id, number) for number in range(1, 16)])

    async def settle(tx: AsyncConnection, batch: Batch, names: tuple[str, ...]) -> None:
        await instances.hold(tx, instance_id)
        assert await batches.advance(tx, batch, Progress(), version=0, settled=True)
        await publishes.count(tx, instance_id, publish_id, FCM, dict.fromkeys(names, 1))
        await publishes.batch_settled(tx, instance_id, publish_id, now=NOW)

    fanned_out = partial(
        publishes.fanned_out, instance_id=instance_id, publish_id=publish_id, now=NOW
    )
    settled: list[Work] = [
        # Each counts in another order: none may wait for one that waits for it.
        partial(
            settle,
            batch=batch_of(instance_id, publish_id, number),
            names=NAMES[number % 4 :] + NAMES[: number % 4],
        )
        for number in range(1, 16)
    ]
    assert await at_once(store, [*settled, fanned_out]) == [None] * 16
    async with store.reading() as connection:
        report = await publishes.report(connection, instance_id, publish_id)
    assert report.finished_at == NOW
    assert report.counts == {FCM: dict.fromkeys(NAMES, 15)}
    assert await count(store, schema.batches, instance_id) == 0


async def test_an_event_that_is_reported_many_times_at_once_counts_once(
    store: Store, instance_id: InstanceId
) -> None:
    device, publish_id = await new_device(store, instance_id), await new_publish(store, instance_id)
    event = Event(kind=EventKind.OPEN, publish_id=publish_id, device_id=device.id, reported_at=NOW)
    record = partial(reports.record, instance_id=instance_id, event=event)
    assert sorted(await at_once(store, [record] * 15)) == [False] * 14 + [True]
    async with store.reading() as connection:
        report = await publishes.report(connection, instance_id, publish_id)
    assert report.counts == {FCM: {"opened": 1}}


async def test_answers_that_come_at_once_are_all_counted(
    store: Store, instance_id: InstanceId
) -> None:
    lane = partial(
        answers.count, instance_id=instance_id, platform=FCM, credential_id=CREDENTIAL, now=NOW
    )
    await at_once(store, [partial(lane, new=Answers(delivered=2, gone=1))] * 30)
    async with store.reading() as connection:
        lately = await answers.lately(connection, instance_id, FCM, CREDENTIAL, now=NOW)
    assert lately == Answers(delivered=60, gone=30)


async def test_of_many_that_ask_for_a_probe_one_may_send_it(
    store: Store, instance_id: InstanceId
) -> None:
    lane = partial(pauses.begin, instance_id=instance_id, platform=FCM)
    await at_once(store, [partial(lane, credential_id=CREDENTIAL, reason="no", now=NOW)] * 10)
    later = NOW + timedelta(minutes=1)
    claim = partial(pauses.claim_probe, instance_id=instance_id, platform=FCM, now=later)
    assert sorted(await at_once(store, [claim] * 15)) == [False] * 14 + [True]


async def test_a_publish_that_is_worked_on_while_its_instance_is_deleted_leaves_nothing(
    store: Store, instance_id: InstanceId
) -> None:
    device, publish_id = await new_device(store, instance_id), await new_publish(store, instance_id)
    event = Event(kind=EventKind.OPEN, publish_id=publish_id, device_id=device.id, reported_at=NOW)
    works: list[Work] = [note(instance_id, publish_id, number) for number in range(1, 5)]
    works.append(partial(reports.record, instance_id=instance_id, event=event))
    works.append(partial(instances.remove, instance_id=instance_id))
    finish = partial(publishes.fanned_out, publish_id=publish_id, now=NOW)
    works.append(partial(finish, instance_id=instance_id))
    works += [note(instance_id, publish_id, number) for number in range(5, 10)]
    assert {type(one) for one in await at_once(store, works)} <= {bool, type(None), NotFound}
    for table in schema.metadata.sorted_tables:
        assert await count(store, table, instance_id) == 0, table.name


async def test_a_reader_sees_one_state_while_others_write(
    store: Store, instance_id: InstanceId
) -> None:
    alice = UserId("alice")
    audience = Users((alice,))
    async with store.reading() as connection:
        page = partial(targets.page_after, connection, instance_id, FCM, audience, limit=10)
        before = await page(after=START)
        device = await new_device(store, instance_id)
        async with store.writing() as tx:
            await users.tie(tx, instance_id, FCM, device.id, alice)
        assert await page(after=START) == before == []
    async with store.reading() as connection:
        assert list(await devices.those_of(connection, instance_id, [device.id])) == [device.id]


async def test_more_readers_than_there_are_connections_wait_for_their_turn(
    store: Store, instance_id: InstanceId
) -> None:
    async def read() -> int:
        async with store.reading() as connection:
            return len(await instances.keys_of(connection, store.seal, instance_id))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(read()) for _ in range(200)]
    assert [task.result() for task in tasks] == [1] * 200
