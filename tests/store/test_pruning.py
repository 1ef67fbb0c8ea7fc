"""What is kept long enough is forgotten, all of it, in small steps, and nothing that moves."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec
import pytest
from sqlalchemy import Table, insert

from heliograph.data import create_instance, new_secret_key
from heliograph.model.batch import Batch, Target
from heliograph.model.device import Platform
from heliograph.model.errors import NotFound
from heliograph.model.event import Event, EventKind
from heliograph.model.ids import DeviceId, InstanceId, Interest, PublishId, UserId, new_instance_id
from heliograph.model.publish import Audience, AudienceKind, Interests, Publish, PublishState, Users
from heliograph.model.shard import START, Shard
from heliograph.store import (
    pruning,
    published,
    publishes,
    reports,
    schema,
    shards,
    verdicts,
)
from heliograph.store.batches import Range
from heliograph.store.engine import Store
from heliograph.store.published import Wanted
from heliograph.store.verdicts import Noted
from tests.store.racing import FCM, NOW, at_once_with_retries, count, new_device, publish_of

KEPT_FOR = timedelta(days=30)
DAY = timedelta(days=1)
OLD = NOW - KEPT_FOR - DAY
CHILDREN = (
    schema.shards,
    schema.batches,
    schema.verdicts,
    schema.reports,
    schema.publish_counts,
)


TO_ALICE = Users((UserId("alice"),))


async def began(
    store: Store,
    instance_id: InstanceId,
    *,
    accepted_at: datetime,
    finished: bool,
    audience: Audience = TO_ALICE,
) -> Publish:
    """A publish with rows in each table."""
    publish = msgspec.structs.replace(
        publish_of(instance_id), accepted_at=accepted_at, audience=audience
    )
    shard = Shard(platform=FCM, number=0, batches=1, settled=int(finished), done=finished)
    noted = Range(platform=FCM, shard=0, number=1, first=START, last=START)
    async with store.writing() as tx:
        assert await publishes.begin(tx, publish, [shard], [noted], now=accepted_at)
        await publishes.count(tx, instance_id, publish.id, FCM, {"delivered": 1}, part=0)
    await add_targets(store, publish, 1)
    return publish


async def add_targets(store: Store, publish: Publish, number: int) -> None:
    devices = [DeviceId(f"fcm-{place:05}") for place in range(number)]
    batch = Batch(
        publish_id=publish.id,
        instance_id=publish.instance_id,
        audience=AudienceKind.USERS,
        platform=FCM,
        shard=0,
        number=1,
        accepted_at=publish.accepted_at,
        payload={},
        targets=[Target(device, UserId("alice")) for device in devices],
    )
    said = [
        Noted(device_id=device, user_id=UserId("alice"), outcome="delivered", reason="")
        for device in devices
    ]
    reported = [
        {
            "instance_id": publish.instance_id,
            "publish_id": publish.id,
            "device_id": device,
            "event": "open",
            "reported_at": NOW,
        }
        for device in devices
    ]
    async with store.writing() as tx:
        await verdicts.add_all(tx, batch, number, said, now=NOW)
        if number > 1:
            reported = reported[1:]
        await tx.execute(insert(schema.reports), reported)


async def prune(store: Store, instance_id: InstanceId, now: datetime = NOW) -> None:
    await pruning.prune(store, instance_id, kept_for=KEPT_FOR, now=now)


async def rows(
    store: Store, instance_id: InstanceId, tables: Sequence[Table] = CHILDREN
) -> list[int]:
    return [await count(store, table, instance_id) for table in tables]


async def listed(store: Store, instance_id: InstanceId) -> set[PublishId]:
    async with store.reading() as connection:
        found = await published.page(connection, instance_id, Wanted(), limit=100)
    return {one.publish_id for one in found}


async def test_of_a_publish_that_was_kept_long_enough_nothing_is_left(
    store: Store, instance_id: InstanceId
) -> None:
    publish = await began(store, instance_id, accepted_at=OLD, finished=True)
    assert 0 not in await rows(store, instance_id)
    await prune(store, instance_id)
    assert await rows(store, instance_id) == [0] * len(CHILDREN)
    assert await listed(store, instance_id) == set()
    async with store.writing() as tx:
        with pytest.raises(NotFound):
            await publishes.report(tx, instance_id, publish.id)
        with pytest.raises(NotFound):
            await published.find(tx, instance_id, publish.id)
        with pytest.raises(NotFound):
            await publishes.set_state(tx, instance_id, publish.id, PublishState.CANCELLED)


async def test_a_publish_that_is_forgotten_does_not_begin_anew_while_its_message_may_come(
    store: Store, instance_id: InstanceId
) -> None:
    publish = await began(store, instance_id, accepted_at=NOW - 3 * DAY, finished=True)
    shard = Shard(platform=FCM, number=0)
    for days in (0, 20, 27):
        now = NOW + days * DAY
        await pruning.prune(store, instance_id, kept_for=2 * DAY, now=now)
        async with store.writing() as tx:
            assert not await publishes.begin(tx, publish, [shard], [], now=now)
            assert await shards.of_publish(tx, instance_id, publish.id) == []
    await pruning.prune(store, instance_id, kept_for=2 * DAY, now=NOW + 29 * DAY)
    assert await count(store, schema.publishes, instance_id) == 0


@pytest.mark.parametrize("state", [PublishState.RUNNING, PublishState.PAUSED, "cancelled"])
async def test_nothing_of_a_publish_under_way_is_forgotten(
    store: Store, instance_id: InstanceId, state: str
) -> None:
    under_way = await began(store, instance_id, accepted_at=NOW - 89 * DAY, finished=False)
    async with store.writing() as tx:
        await publishes.set_state(tx, instance_id, under_way.id, PublishState(state))
    before = await rows(store, instance_id)
    await began(store, instance_id, accepted_at=OLD, finished=True)
    await prune(store, instance_id)
    assert await rows(store, instance_id) == before
    assert await listed(store, instance_id) == {under_way.id}


async def test_what_can_never_finish_is_forgotten_in_the_end(
    store: Store, instance_id: InstanceId
) -> None:
    await began(store, instance_id, accepted_at=NOW - 91 * DAY, finished=False)
    await prune(store, instance_id)
    assert await rows(store, instance_id, [*CHILDREN, schema.publishes]) == [0] * 6


async def test_it_is_kept_from_its_end_on(store: Store, instance_id: InstanceId) -> None:
    """Not from when it was accepted: one that was paused for long is kept as long as others."""
    late = msgspec.structs.replace(publish_of(instance_id), accepted_at=OLD)
    ended = Shard(platform=FCM, number=0, done=True)
    async with store.writing() as tx:
        await publishes.begin(tx, late, [ended], [], now=NOW - DAY)
    recent = await began(store, instance_id, accepted_at=NOW - 29 * DAY, finished=True)
    await prune(store, instance_id)
    assert await listed(store, instance_id) == {late.id, recent.id}


async def test_another_instance_keeps_what_it_has(store: Store, instance_id: InstanceId) -> None:
    other = new_instance_id()
    await create_instance(store, "other", other, new_secret_key())
    for one in (other, instance_id):
        await began(store, one, accepted_at=OLD, finished=True)
    await prune(store, instance_id)
    assert 0 not in await rows(store, other)


async def test_a_large_publish_goes_in_small_steps_and_may_be_cut_off_between_them(
    store: Store, instance_id: InstanceId
) -> None:
    large = await began(store, instance_id, accepted_at=OLD, finished=True)
    await add_targets(store, large, 1600)
    small = [(await began(store, instance_id, accepted_at=OLD, finished=True)).id for _ in range(3)]
    left: Sequence[PublishId] = [large.id, *small]
    steps = []
    while left:
        before = sum(await rows(store, instance_id))
        forget = partial(pruning.forget_some, kept_for=KEPT_FOR, now=NOW)
        left = await store.write(partial(forget, instance_id=instance_id, publish_ids=left))
        steps.append(before - sum(await rows(store, instance_id)))
        # A run that was cut off here finds again what is left.
        async with store.reading() as connection:
            over = await pruning.over(connection, instance_id, None, kept_for=KEPT_FOR, now=NOW)
        assert {one.publish_id for one in over} == {*left}
    assert len(steps) > 1600 * 2 / 500
    assert max(steps) <= 500
    assert await rows(store, instance_id) == [0] * len(CHILDREN)


async def test_more_than_are_looked_up_at_once_are_all_forgotten(
    store: Store, instance_id: InstanceId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "_LOOKED_UP_AT_ONCE", 2)
    for _ in range(5):
        await began(store, instance_id, accepted_at=OLD, finished=True)
    await prune(store, instance_id)
    assert await rows(store, instance_id) == [0] * len(CHILDREN)


async def test_no_report_that_comes_in_just_then_is_left_behind(
    store: Store, instance_id: InstanceId
) -> None:
    made = [await new_device(store, instance_id) for _ in range(10)]
    anybodys = partial(began, finished=True, audience=Interests((Interest("news"),)))
    old = [await anybodys(store, instance_id, accepted_at=OLD) for _ in range(5)]
    kept = await anybodys(store, instance_id, accepted_at=NOW)
    events = [
        Event(kind=EventKind.DELIVERY, publish_id=publish.id, device_id=device.id, reported_at=NOW)
        for device in made
        for publish in [*old, kept]
    ]
    record = partial(reports.record_all, instance_id=instance_id, now=NOW)
    async with asyncio.TaskGroup() as group:
        group.create_task(
            at_once_with_retries(store, [partial(record, events=[event]) for event in events])
        )
        for _ in range(3):
            group.create_task(prune(store, instance_id))
    await prune(store, instance_id)
    assert await listed(store, instance_id) == {kept.id}
    assert await count(store, schema.reports, instance_id) == len(made) + 1
    async with store.reading() as connection:
        report = await publishes.report(connection, instance_id, kept.id)
    assert report.counts[FCM]["acknowledged"] == len(made)


async def test_what_happened_to_devices_is_forgotten_when_it_is_old(
    store: Store, instance_id: InstanceId
) -> None:
    happened = [(OLD, 1200), (NOW - DAY, 3)]
    history = [
        {
            "instance_id": instance_id,
            "user_id": "alice",
            "device_id": f"fcm-{number}",
            "happened_at": at + timedelta(milliseconds=number),
            "what": "tied",
            "platform": Platform.FCM,
            "reason": "",
        }
        for at, many in happened
        for number in range(many)
    ]
    async with store.writing() as tx:
        await tx.execute(insert(schema.device_history), history)
    await prune(store, instance_id)
    assert await count(store, schema.device_history, instance_id) == 3
