"""Transactions that begin at the same moment, and the devices and publishes they are about."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.device import Device, Platform
from heliograph.model.errors import HeliographError
from heliograph.model.ids import InstanceId, Interest, PublishId, new_publish_id
from heliograph.model.publish import Interests, Publish
from heliograph.model.shard import Shard
from heliograph.store import devices, publishes
from heliograph.store.engine import Store
from heliograph.store.schema import owner_in
from tests.push_tokens import new_push_token

NOW = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
FCM = Platform.FCM

Work = Callable[[AsyncConnection], Awaitable[Any]]


async def at_once(store: Store, works: Iterable[Work]) -> list[Any]:
    """Do each in a transaction of its own; what each returned, or how the model refused it."""

    async def write(work: Work) -> Any:
        async with store.writing() as tx:
            return await work(tx)

    return await _at_once(write, works)


async def at_once_with_retries(store: Store, works: Iterable[Work]) -> list[Any]:
    """The same; what gives way to another is done again."""
    return await _at_once(store.write, works)


async def _at_once(write: Callable[[Work], Awaitable[Any]], works: Iterable[Work]) -> list[Any]:
    together = asyncio.Event()

    async def one(work: Work) -> Any:
        await together.wait()
        try:
            return await write(work)
        except HeliographError as error:
            return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(work)) for work in works]
        together.set()
    return [task.result() for task in tasks]


async def new_device(store: Store, instance_id: InstanceId) -> Device:
    async with store.writing() as tx:
        token = new_push_token(FCM)
        made = await devices.register(tx, instance_id, FCM, token, None, now=NOW)
        return await devices.find(tx, instance_id, FCM, made.id)


def publish_of(instance_id: InstanceId) -> Publish:
    """A publish that nobody has begun yet."""
    return Publish(
        id=new_publish_id(),
        instance_id=instance_id,
        accepted_at=NOW,
        audience=Interests((Interest("news"),)),
        payloads={FCM: {}},
    )


async def new_publish(store: Store, instance_id: InstanceId) -> PublishId:
    """A publish that is begun, with one shard."""
    publish, shard = publish_of(instance_id), Shard(platform=FCM, number=0)
    async with store.writing() as tx:
        await publishes.begin(tx, publish, [shard], [], now=NOW)
    return publish.id


async def count(store: Store, table: Table, instance_id: InstanceId) -> int:
    """How many rows of the instance there are."""
    mine = select(func.count()).select_from(table).where(owner_in(table) == instance_id)
    async with store.reading() as connection:
        return await connection.scalar(mine) or 0
