"""What is promised of publishes holds when many workers are at them at once, on each database."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.answers import Answers
from heliograph.model.batch import Batch, Progress, Target
from heliograph.model.errors import NotFound
from heliograph.model.event import Event, EventKind
from heliograph.model.ids import DeviceId, InstanceId, UserId
from heliograph.model.publish import AudienceKind, Publish, Users
from heliograph.model.shard import START, Shard
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
from tests.store.racing import (
    FCM,
    NOW,
    Work,
    at_once,
    count,
    new_device,
    new_publish,
    publish_of,
)

CREDENTIAL = "credential"
NAMES = ("delivered", "failed", "removed", "retried")


def batch_of(publish: Publish, shard: int) -> Batch:
    return Batch(
        publish_id=publish.id,
        instance_id=publish.instance_id,
        audience=AudienceKind.INTERESTS,
        platform=FCM,
        shard=shard,
        number=1,
        accepted_at=NOW,
        payload={},
        targets=[Target(DeviceId("fcm-1"), None)],
    )


def shard_of(number: int, *, batches: int) -> Shard:
    return Shard(platform=FCM, number=number, batches=batches, done=batches > 0)


def begin(publish: Publish, shards: int) -> Work:
    begun = [shard_of(number, batches=0) for number in range(shards)]
    return partial(publishes.begin, publish=publish, begun=begun, noted=(), now=NOW)


async def advanced(tx: AsyncConnection, **shard: Any) -> bool:
    return await publishes.shard_advanced(tx, **shard) is not None


def note(publish: Publish, shard: int) -> "partial[Coroutine[Any, Any, bool]]":
    """The only batch of a shard."""
    return partial(
        advanced,
        publish=publish,
        known=shard_of(shard, batches=0),
        behind=shard_of(shard, batches=1),
        noted=Range(platform=FCM, shard=shard, number=1, first=START, last=START),
        now=NOW,
    )


async def settle(tx: AsyncConnection, batch: Batch, names: tuple[str, ...] = ()) -> None:
    key = batch.instance_id, batch.publish_id, batch.platform
    await instances.hold(tx, batch.instance_id)
    assert await batches.advance(tx, batch, Progress(), version=0, settled=True)
    await publishes.count(tx, *key, dict.fromkeys(names, 1), part=batch.shard % 2)
    await publishes.batch_settled(tx, batch, now=NOW)


async def test_a_publish_that_many_workers_begin_is_begun_once(
    store: Store, instance_id: InstanceId
) -> None:
    publish = publish_of(instance_id)
    assert sorted(await at_once(store, [begin(publish, 3)] * 15)) == [False] * 14 + [True]
    assert await count(store, schema.shards, instance_id) == 3


async def test_a_batch_that_many_workers_note_is_one(store: Store, instance_id: InstanceId) -> None:
    publish = publish_of(instance_id)
    await at_once(store, [begin(publish, 1)])
    assert sorted(await at_once(store, [note(publish, 0)] * 15)) == [False] * 14 + [True]
    assert await count(store, schema.batches, instance_id) == 1


async def test_of_many_that_store_progress_over_the_same_version_one_does(
    store: Store, instance_id: InstanceId
) -> None:
    publish = publish_of(instance_id)
    await at_once(store, [begin(publish, 1)])
    await at_once(store, [note(publish, 0)])
    advance = partial(
        batches.advance,
        batch=batch_of(publish, 0),
        progress=Progress(),
        version=0,
        settled=False,
    )
    assert sorted(await at_once(store, [advance] * 15)) == [False] * 14 + [True]


async def test_a_publish_whose_shards_end_at_once_is_finished(
    store: Store, instance_id: InstanceId
) -> None:
    publish, shards = publish_of(instance_id), range(15)
    await at_once(store, [begin(publish, len(shards))])
    await at_once(store, [note(publish, shard) for shard in shards])
    settled: list[Work] = [
        # Each counts in another order: none may wait for one that waits for it.
        partial(
            settle, batch=batch_of(publish, shard), names=NAMES[shard % 4 :] + NAMES[: shard % 4]
        )
        for shard in shards
    ]
    assert await at_once(store, settled) == [None] * len(shards)
    async with store.reading() as connection:
        report = await publishes.report(connection, publish.instance_id, publish.id)
    assert report.finished_at == NOW
    assert report.counts == {FCM: dict.fromkeys(NAMES, 15)}
    assert await count(store, schema.batches, instance_id) == 0


async def test_a_shard_that_ends_while_its_last_batch_is_settled_is_finished(
    store: Store, instance_id: InstanceId
) -> None:
    """Whoever comes second sees that it is the last."""
    for _ in range(10):
        publish = publish_of(instance_id)
        noted = Shard(platform=FCM, number=0, batches=1)
        ended = msgspec.structs.replace(noted, done=True)
        await at_once(store, [begin(publish, 1)])
        first = partial(note(publish, 0), behind=noted)
        end = partial(note(publish, 0), known=noted, behind=ended, noted=None)
        assert await at_once(store, [first]) == [True]
        said = await at_once(store, [end, partial(settle, batch=batch_of(publish, 0))])
        assert said == [True, None]
        async with store.reading() as connection:
            report = await publishes.report(connection, publish.instance_id, publish.id)
        assert report.finished_at == NOW


async def test_an_event_that_is_reported_many_times_at_once_counts_once(
    store: Store, instance_id: InstanceId
) -> None:
    device, publish_id = await new_device(store, instance_id), await new_publish(store, instance_id)
    event = Event(kind=EventKind.OPEN, publish_id=publish_id, device_id=device.id, reported_at=NOW)
    record = partial(reports.record_all, instance_id=instance_id, events=[event], now=NOW)
    counted = await at_once(store, [record] * 15)
    assert sorted(map(len, counted)) == [0] * 14 + [1]
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
    publish = publish_of(instance_id)
    await at_once(store, [begin(publish, 10)])
    works: list[Work] = [note(publish, shard) for shard in range(5)]
    works.append(partial(reports.record_all, instance_id=instance_id, events=[event], now=NOW))
    works.append(partial(instances.remove, instance_id=instance_id))
    works.append(begin(publish_of(instance_id), 2))
    works += [note(publish, shard) for shard in range(5, 10)]
    assert {type(one) for one in await at_once(store, works)} <= {bool, list, type(None), NotFound}
    for table in schema.metadata.sorted_tables:
        assert await count(store, table, instance_id) == 0, table.name


async def test_a_reader_sees_one_state_while_others_write(
    store: Store, instance_id: InstanceId
) -> None:
    alice = UserId("alice")
    publish = msgspec.structs.replace(publish_of(instance_id), audience=Users((alice,)))
    async with store.reading() as connection:
        page = partial(targets.page_of, connection, publish, shard_of(0, batches=0), limit=10)
        before = await page()
        device = await new_device(store, instance_id)
        async with store.writing() as tx:
            await users.tie(tx, instance_id, FCM, device.id, alice, now=NOW)
        assert await page() == before == []
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
