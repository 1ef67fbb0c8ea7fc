"""Works: each is done or not, by itself, however many of them are done together."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId, UserId, new_instance_id
from heliograph.store import users
from heliograph.store.engine import Store, open_store
from tests.databases import SEAL

ALICE, BOB = UserId("alice"), UserId("bob")
AT_ONCE = 20
Work = Callable[[AsyncConnection], Awaitable[None]]


class GivenUp(Exception):
    """What a work raises."""


@pytest.fixture
def instance_id() -> InstanceId:
    return new_instance_id()


def one_more(instance_id: InstanceId, user_id: UserId) -> Work:
    return lambda tx: users.take_slot(tx, instance_id, user_id, Platform.FCM)


def one_more_and_give_up(instance_id: InstanceId, user_id: UserId) -> Work:
    async def work(tx: AsyncConnection) -> None:
        await users.take_slot(tx, instance_id, user_id, Platform.FCM)
        raise GivenUp

    return work


async def taken(store: Store, instance_id: InstanceId, user_id: UserId) -> int:
    slots = await store.read(lambda tx: users.slots_taken(tx, instance_id, [user_id]))
    return slots[(user_id, Platform.FCM)]


async def test_a_work_that_fails_changes_nothing_and_those_beside_it_are_done(
    store: Store, instance_id: InstanceId
) -> None:
    async def fail() -> None:
        with pytest.raises(GivenUp):
            await store.write(one_more_and_give_up(instance_id, BOB))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(store.write(one_more(instance_id, ALICE)))
            group.create_task(fail())
    assert await taken(store, instance_id, ALICE) == AT_ONCE
    assert await taken(store, instance_id, BOB) == 0


async def test_a_work_sees_all_that_was_written_before_it_was_asked_for(
    store: Store, instance_id: InstanceId
) -> None:
    async def write_and_read(user_id: UserId) -> None:
        for written in range(1, AT_ONCE + 1):
            await store.write(one_more(instance_id, user_id))
            assert await taken(store, instance_id, user_id) == written

    async with asyncio.TaskGroup() as group:
        for number in range(AT_ONCE):
            group.create_task(write_and_read(UserId(f"user-{number}")))


async def test_a_work_whose_caller_is_gone_keeps_no_other_from_being_done(
    store: Store, instance_id: InstanceId
) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(store.write(one_more(instance_id, ALICE)))
            group.create_task(store.write(one_more(instance_id, BOB))).cancel()
    assert await taken(store, instance_id, ALICE) == AT_ONCE


async def test_works_that_wait_for_the_disk_share_one_commit(
    tmp_path: Path, instance_id: InstanceId
) -> None:
    commits = 0

    def note(_connection: Connection) -> None:
        nonlocal commits
        commits += 1

    async with open_store(tmp_path / "heliograph.db", SEAL) as store, asyncio.TaskGroup() as group:
        async with store.writing() as tx:
            # Nobody else can write while this has.
            await users.take_slot(tx, instance_id, BOB, Platform.FCM)
            event.listen(Engine, "commit", note)
            first = group.create_task(store.write(one_more(instance_id, ALICE)))
            await asyncio.sleep(0)
            writes = [
                group.create_task(store.write(one_more(instance_id, ALICE))) for _ in range(AT_ONCE)
            ]
            await asyncio.sleep(0)
        await asyncio.wait([first, *writes])
        event.remove(Engine, "commit", note)
        of_the_block, of_the_first, of_the_others = 1, 1, 1
        assert commits <= of_the_block + of_the_first + of_the_others
        assert await taken(store, instance_id, ALICE) == 1 + AT_ONCE


async def test_a_work_on_sqlite_that_waits_for_something_else_is_refused_and_undone(
    tmp_path: Path, instance_id: InstanceId
) -> None:
    async def work(tx: AsyncConnection) -> None:
        await users.take_slot(tx, instance_id, ALICE, Platform.FCM)
        await asyncio.sleep(0)

    async with open_store(tmp_path / "heliograph.db", SEAL) as store:
        with pytest.raises(RuntimeError, match="awaits nothing but its connection"):
            await store.write(work)
        assert await taken(store, instance_id, ALICE) == 0
        await store.write(one_more(instance_id, ALICE))
        assert await taken(store, instance_id, ALICE) == 1
