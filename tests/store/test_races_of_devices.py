"""What is promised of devices and users holds when many arrive at once, on each database."""

import random
from collections import Counter
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.device import Device
from heliograph.model.errors import HeliographError, Invalid, LimitReached, NotFound
from heliograph.model.ids import InstanceId, Interest, UserId
from heliograph.model.limits import MAX_DEVICES_PER_USER, MAX_INTERESTS_PER_DEVICE
from heliograph.store import devices, instances, interests, quarantine, schema, users
from heliograph.store.engine import Store
from tests.push_tokens import new_push_token
from tests.store.racing import FCM, NOW, Work, at_once, at_once_with_retries, count, new_device

ALICE, BOB = UserId("alice"), UserId("bob")


async def slots(store: Store, instance_id: InstanceId) -> Counter[str]:
    """How many devices each user has by count of the slots."""
    taken = select(schema.device_slots).where(schema.device_slots.c.instance_id == instance_id)
    async with store.reading() as connection:
        return Counter({row.user_id: row.taken for row in await connection.execute(taken)})


async def tied(store: Store, instance_id: InstanceId) -> Counter[str]:
    """How many devices each user has."""
    async with store.reading() as connection:
        there = await devices.page(connection, instance_id, after="", limit=1000)
    return Counter(device.user_id for device in there if device.user_id is not None)


async def test_of_150_devices_that_arrive_at_once_the_user_gets_100(
    store: Store, instance_id: InstanceId
) -> None:
    crowd = [await new_device(store, instance_id) for _ in range(150)]
    said = await at_once(
        store,
        [
            partial(
                users.tie,
                instance_id=instance_id,
                platform=FCM,
                device_id=one.id,
                user_id=ALICE,
                now=NOW,
            )
            for one in crowd
        ],
    )
    assert Counter(map(type, said)) == {type(None): MAX_DEVICES_PER_USER, LimitReached: 50}
    assert await tied(store, instance_id) == await slots(store, instance_id) == {ALICE: 100}


async def test_a_device_that_two_users_want_gets_one(store: Store, instance_id: InstanceId) -> None:
    device = await new_device(store, instance_id)
    tie = partial(users.tie, instance_id=instance_id, platform=FCM, device_id=device.id, now=NOW)
    said = await at_once(store, [partial(tie, user_id=user) for user in (ALICE, BOB) * 8])
    assert sum(one is None for one in said) == 8
    assert (await tied(store, instance_id)).total() == 1
    assert await tied(store, instance_id) == await slots(store, instance_id)


async def test_a_push_token_that_registers_many_times_at_once_is_one_device(
    store: Store, instance_id: InstanceId
) -> None:
    token = new_push_token(FCM)
    register = partial(
        devices.register,
        instance_id=instance_id,
        platform=FCM,
        push_token=token,
        metadata=None,
        now=NOW,
    )
    said = await at_once(store, [register] * 20)
    assert len({one.id for one in said}) == 1
    assert sum(one.is_new for one in said) == 1


async def test_interests_added_at_once_stay_within_the_limit(
    store: Store, instance_id: InstanceId
) -> None:
    device = await new_device(store, instance_id)
    there = [Interest(f"there-{number}") for number in range(MAX_INTERESTS_PER_DEVICE - 5)]
    async with store.writing() as tx:
        await interests.replace(tx, device, there)
    new = [Interest(f"new-{number}") for number in range(20)]
    said = await at_once(
        store, [partial(interests.add, device=device, interest=one) for one in new]
    )
    assert sum(isinstance(one, LimitReached) for one in said) == 15
    assert await count(store, schema.subscriptions, instance_id) == MAX_INTERESTS_PER_DEVICE


async def test_interests_replaced_at_once_are_those_of_one_of_them(
    store: Store, instance_id: InstanceId
) -> None:
    device = await new_device(store, instance_id)
    wanted = [[Interest("all"), Interest(f"only-{number}")] for number in range(15)]
    said = await at_once(
        store, [partial(interests.replace, device=device, interests=one) for one in wanted]
    )
    assert said == [None] * len(wanted)
    async with store.reading() as connection:
        assert await interests.of_device(connection, instance_id, device.id) in wanted


async def test_a_device_that_many_messages_find_gone_is_removed_once(
    store: Store, instance_id: InstanceId
) -> None:
    device = await new_device(store, instance_id)
    gone = partial(devices.remove_gone, device=device, reason="gone", now=NOW)
    said = await at_once(store, [gone] * 15)
    assert sorted(said) == [False] * 14 + [True]
    assert await count(store, schema.quarantine, instance_id) == 1


async def test_a_device_in_quarantine_comes_back_once(
    store: Store, instance_id: InstanceId
) -> None:
    device = await new_device(store, instance_id)
    async with store.writing() as tx:
        await users.tie(tx, instance_id, FCM, device.id, ALICE, now=NOW)
        await devices.remove_gone(tx, device, "gone", now=NOW)
    restore = partial(quarantine.restore, instance_id=instance_id, device_id=device.id, now=NOW)
    said = await at_once(store, [restore] * 15)
    assert Counter(map(type, said)) == {NotFound: 14, type(None): 1}
    assert await tied(store, instance_id) == await slots(store, instance_id) == {ALICE: 1}


async def test_a_device_that_is_stopped_while_it_is_found_gone_can_not_be_restored(
    store: Store, instance_id: InstanceId
) -> None:
    works: list[Work] = []
    for _ in range(25):
        device = await new_device(store, instance_id)
        stop = partial(
            devices.remove, instance_id=instance_id, platform=FCM, device_id=device.id, now=NOW
        )
        works += [partial(devices.remove_gone, device=device, reason="gone", now=NOW), stop]
    await at_once(store, works)
    assert await count(store, schema.devices, instance_id) == 0
    assert await count(store, schema.quarantine, instance_id) == 0


async def test_a_device_that_is_stopped_while_it_is_restored_is_gone(
    store: Store, instance_id: InstanceId
) -> None:
    works: list[Work] = []
    for _ in range(25):
        device = await new_device(store, instance_id)
        async with store.writing() as tx:
            await devices.remove_gone(tx, device, "gone", now=NOW)
        back = partial(quarantine.restore, instance_id=instance_id, device_id=device.id, now=NOW)
        stop = partial(
            devices.remove, instance_id=instance_id, platform=FCM, device_id=device.id, now=NOW
        )
        works += [back, stop]
    await at_once(store, works)
    assert await count(store, schema.devices, instance_id) == 0
    assert await count(store, schema.quarantine, instance_id) == 0


async def test_a_user_who_is_deleted_while_devices_are_found_gone_leaves_nothing(
    store: Store, instance_id: InstanceId
) -> None:
    works: list[Work] = []
    for number in range(10):
        user = UserId(f"user-{number}")
        for _ in range(2):
            device = await new_device(store, instance_id)
            async with store.writing() as tx:
                await users.tie(tx, instance_id, FCM, device.id, user, now=NOW)
            works.append(partial(devices.remove_gone, device=device, reason="gone", now=NOW))
        works.append(
            partial(devices.remove_of_user, instance_id=instance_id, user_id=user, now=NOW)
        )
    await at_once(store, works)
    assert await count(store, schema.devices, instance_id) == 0
    assert await count(store, schema.quarantine, instance_id) == 0
    assert await slots(store, instance_id) == {}


async def test_two_devices_that_swap_push_tokens_at_once_end_as_one(
    store: Store, instance_id: InstanceId
) -> None:
    for _ in range(8):
        one, other = [await new_device(store, instance_id) for _ in range(2)]
        give = partial(devices.set_push_token, instance_id=instance_id, platform=FCM, now=NOW)
        said = await at_once(
            store,
            [
                partial(give, device_id=one.id, push_token=other.push_token),
                partial(give, device_id=other.id, push_token=one.push_token),
            ],
        )
        assert Counter(map(type, said)) == {NotFound: 1, list: 1}


async def test_a_push_token_that_registers_while_it_is_given_to_a_device_is_one_device(
    store: Store, instance_id: InstanceId
) -> None:
    for _ in range(8):
        device, token = await new_device(store, instance_id), new_push_token(FCM)
        register = partial(devices.register, platform=FCM, push_token=token, metadata=None, now=NOW)
        give = partial(devices.set_push_token, platform=FCM, push_token=token, now=NOW)
        works: list[Work] = [
            partial(register, instance_id=instance_id),
            partial(give, instance_id=instance_id, device_id=device.id),
        ]
        registered, given = (await at_once_with_retries(store, works * 2))[:2]
        assert not isinstance(given, Exception)
        async with store.reading() as connection:
            found = await devices.those_of(connection, instance_id, [device.id, registered.id])
        assert [one.push_token for one in found.values()] == [token]


async def test_what_is_added_while_its_instance_is_deleted_is_not_left_behind(
    store: Store, instance_id: InstanceId
) -> None:
    device = await new_device(store, instance_id)

    async def add(tx: AsyncConnection) -> None:
        token = new_push_token(FCM)
        new = await devices.register(tx, instance_id, FCM, token, None, now=NOW)
        await users.tie(tx, instance_id, FCM, new.id, ALICE, now=NOW)

    subscribe = [
        partial(interests.add, device=device, interest=Interest(f"topic-{number}"))
        for number in range(8)
    ]
    remove = partial(instances.remove, instance_id=instance_id)
    said = await at_once(store, [add, add, *subscribe, remove, add, add, add])
    assert {type(one) for one in said} <= {type(None), NotFound}
    for table in schema.metadata.sorted_tables:
        assert await count(store, table, instance_id) == 0, table.name


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_is_done_to_devices_at_once_none_gives_way_and_all_adds_up(
    store: Store, instance_id: InstanceId, seed: int
) -> None:
    rng = random.Random(seed)
    crowd = [await new_device(store, instance_id) for _ in range(12)]
    works = [_anything_to_a_device(rng, instance_id, crowd) for _ in range(300)]
    # Unavailable would be a deadlock; what is no refusal of the model is raised.
    assert _refusals(await at_once(store, works)) <= {NotFound, Invalid}
    await _assert_all_adds_up(store, instance_id)


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_is_done_while_users_and_push_tokens_change_and_devices_return_all_adds_up(
    store: Store, instance_id: InstanceId, seed: int
) -> None:
    rng = random.Random(seed)
    crowd = [await new_device(store, instance_id) for _ in range(12)]
    delete = partial(devices.remove_of_user, instance_id=instance_id, now=NOW)
    restore = partial(quarantine.restore, instance_id=instance_id, now=NOW)
    works = [_anything_to_a_device(rng, instance_id, crowd) for _ in range(225)]
    works += [partial(restore, device_id=rng.choice(crowd).id) for _ in range(25)]
    works += [partial(delete, user_id=rng.choice((ALICE, BOB))) for _ in range(25)]
    works += [_change_of_push_token(rng, instance_id, crowd) for _ in range(25)]
    rng.shuffle(works)
    assert _refusals(await at_once_with_retries(store, works)) <= {NotFound, Invalid}
    await _assert_all_adds_up(store, instance_id)


def _refusals(said: list[Any]) -> set[type[HeliographError]]:
    return {type(one) for one in said if isinstance(one, HeliographError)}


async def _assert_all_adds_up(store: Store, instance_id: InstanceId) -> None:
    assert await slots(store, instance_id) == await tied(store, instance_id)
    async with store.reading() as connection:
        there = await devices.page(connection, instance_id, after="", limit=1000)
        mine = schema.subscriptions.c.instance_id == instance_id
        subscribed = await connection.scalars(select(schema.subscriptions.c.device_id).where(mine))
    assert set(subscribed) <= {one.id for one in there}


def _anything_to_a_device(rng: random.Random, instance_id: InstanceId, crowd: list[Device]) -> Work:
    """Something that an app, a gateway or an operator may do."""
    device, other = rng.sample(crowd, 2)
    topics = [Interest(f"topic-{number}") for number in rng.sample(range(9), 4)]
    tie = partial(users.tie, instance_id=instance_id, platform=FCM, device_id=device.id, now=NOW)
    stop = partial(
        devices.remove, instance_id=instance_id, platform=FCM, device_id=device.id, now=NOW
    )
    register = partial(
        devices.register,
        instance_id=instance_id,
        platform=FCM,
        push_token=other.push_token,
        metadata={},
        now=NOW,
    )
    works: list[Work] = [
        partial(tie, user_id=ALICE),
        partial(tie, user_id=BOB),
        stop,
        partial(devices.remove_gone, device=device, reason="gone", now=NOW),
        register,
        register,
        partial(interests.replace, device=device, interests=topics),
        partial(interests.add, device=device, interest=topics[0]),
        partial(interests.remove, device=device, interest=topics[0]),
    ]
    return rng.choice(works)


def _change_of_push_token(rng: random.Random, instance_id: InstanceId, crowd: list[Device]) -> Work:
    device, other = rng.sample(crowd, 2)
    return partial(
        devices.set_push_token,
        instance_id=instance_id,
        platform=FCM,
        device_id=device.id,
        push_token=other.push_token,
        now=NOW,
    )
