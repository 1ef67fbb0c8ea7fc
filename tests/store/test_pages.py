"""Pages of targets, and other hot statements: right, and no dearer with more devices."""

import random
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph import transfer
from heliograph.data import create_instance, new_secret_key
from heliograph.model.device import Platform, token_hash
from heliograph.model.ids import (
    DeviceId,
    InstanceId,
    Interest,
    UserId,
    new_device_id,
    new_instance_id,
)
from heliograph.model.publish import Audience, Interests, Publish, Users
from heliograph.model.shard import START, Position, Shard
from heliograph.store import devices, interests, targets
from heliograph.store.database import PostgresqlUrl
from heliograph.store.engine import Store, open_store
from heliograph.store.schema import devices as devices_table
from heliograph.store.schema import subscriptions
from heliograph.store.targets import position_of
from tests.databases import SEAL
from tests.postgresql import Postgresql
from tests.store.explained import visited
from tests.store.racing import NOW, publish_of

APNS = Platform.APNS
FIRST, ALL = 250, 12_000
A_USERS_DEVICES = 10
PAGE, FEW = 100, 20
SPREAD: Mapping[str, int] = {"all": 1, "half": 2, "few": 10, "rare": 1000}
"""Interests, and that each so many-th device has them."""
INTERESTS = tuple(Interest(name) for name in SPREAD)


class Filled:
    """An instance with many devices, of which the database has seen the first few."""

    def __init__(self, store: Store, instance_id: InstanceId) -> None:
        self.store = store
        self.instance_id = instance_id
        self.ids: list[DeviceId] = []

    async def add(self, number: int) -> None:
        known = len(self.ids)
        self.ids += [new_device_id(APNS) for _ in range(number)]
        rows = [
            {
                "instance_id": self.instance_id,
                "id": device_id,
                "platform": APNS,
                "push_token": device_id,
                "token_hash": token_hash(device_id),
                "user_id": f"user-{place // A_USERS_DEVICES}",
                "metadata": "{}",
                "registered_at": NOW,
            }
            for place, device_id in enumerate(self.ids[known:], start=known)
        ]
        subscribed = [
            {
                "instance_id": self.instance_id,
                "interest": interest,
                "platform": APNS,
                "device_id": device_id,
            }
            for place, device_id in enumerate(self.ids[known:], start=known)
            for interest, nth in SPREAD.items()
            if place % nth == 0
        ]
        async with self.store.writing() as tx:
            await tx.execute(insert(devices_table), rows)
            await tx.execute(insert(subscriptions), subscribed)

    def publish(self, audience: Audience) -> Publish:
        whole = publish_of(self.instance_id)
        return msgspec.structs.replace(whole, audience=audience, payloads={APNS: {}})


@pytest.fixture
async def filled(database: Path | PostgresqlUrl) -> AsyncIterator[Filled]:
    async with open_store(database, SEAL) as store:
        made = Filled(store, new_instance_id())
        await create_instance(store, "filled", made.instance_id, new_secret_key())
        if isinstance(database, PostgresqlUrl):
            # It would survey them in the middle of a test, or not.
            async with store.writing() as tx:
                for table in ("devices", "subscriptions"):
                    off = f"ALTER TABLE {table} SET (autovacuum_enabled = off)"
                    await tx.execute(text(off))
        yield made


def shard_behind(position: Position, until: Position | None = None) -> Shard:
    return Shard(platform=APNS, number=0, start=position, position=position, until=until)


async def pages_of(
    filled: Filled, publish: Publish, shard: Shard, *, limit: int
) -> list[list[DeviceId]]:
    pages: list[list[DeviceId]] = []
    async with filled.store.reading() as connection:
        while True:
            page = await targets.page_of(connection, publish, shard, limit=limit)
            pages.append([target.device_id for target in page])
            if len(page) < limit:
                return pages
            shard = msgspec.structs.replace(shard, position=position_of(page[-1]))


async def plainly(filled: Filled, wanted: Sequence[Interest], shard: Shard) -> list[DeviceId]:
    """The same, as a plain DISTINCT has it."""
    device_id = subscriptions.c.device_id
    statement = (
        select(device_id)
        .distinct()
        .where(
            subscriptions.c.instance_id == filled.instance_id,
            subscriptions.c.platform == APNS,
            subscriptions.c.interest.in_(wanted),
            device_id > shard.position.device_id,
        )
        .order_by(device_id)
    )
    if shard.until is not None:
        statement = statement.where(device_id <= shard.until.device_id)
    async with filled.store.reading() as connection:
        return [DeviceId(found) for found in await connection.scalars(statement)]


async def test_pages_of_several_interests_are_merged_in_order_and_without_duplicates(
    filled: Filled,
) -> None:
    await filled.add(1_000)
    draw = random.Random(1)
    for number in range(20):
        wanted = draw.sample(INTERESTS, draw.randint(1, len(INTERESTS)))
        bounds = sorted(draw.sample(filled.ids, 2))
        until = None if number % 2 else Position("", bounds[1])
        shard = shard_behind(Position("", bounds[0] if number % 3 else ""), until)
        limit = draw.choice([7, PAGE, 2_000])
        publish = filled.publish(Interests(tuple(wanted)))
        pages = await pages_of(filled, publish, shard, limit=limit)
        assert [one for page in pages for one in page] == await plainly(filled, wanted, shard)


async def test_a_page_is_as_cheap_whatever_is_behind_it(filled: Filled) -> None:
    await filled.add(FIRST)
    await filled.store.survey()
    await filled.add(ALL - FIRST)
    publish = filled.publish(Interests(INTERESTS))
    middle, near_the_end = (Position("", sorted(filled.ids)[place]) for place in (ALL // 2, -PAGE))

    async def cost(shard: Shard) -> int:
        async def read(connection: AsyncConnection) -> None:
            assert await targets.page_of(connection, publish, shard, limit=PAGE - 1)

        return await visited(filled.store, read)

    dear = await cost(shard_behind(near_the_end))
    for position in (START, middle):
        assert await cost(shard_behind(position)) < 2 * dear + 5 * PAGE


async def test_what_is_looked_for_is_not_looked_for_among_all(filled: Filled) -> None:
    """Also in a new PostgreSQL, which has surveyed no more than the first few devices."""
    await filled.add(FIRST)
    await filled.store.survey()
    await filled.add(ALL - FIRST)
    await filled.store.survey()
    some, mine = filled.ids[-FEW:], filled.instance_id
    of_two = filled.publish(Users((UserId("user-7"), UserId("user-900"))))

    def page(connection: AsyncConnection) -> Awaitable[object]:
        return targets.page_of(connection, of_two, shard_behind(START), limit=PAGE)

    looked_for = {
        "those of a batch": lambda tx: devices.those_of(tx, mine, some),
        "by push token": lambda tx: devices.with_push_tokens(tx, mine, some),
        "one": lambda tx: devices.find(tx, mine, APNS, some[0]),
        "of a user": lambda tx: devices.of_user(tx, mine, UserId("user-7")),
        "of users": page,
        "interests": lambda tx: interests.of_devices(tx, mine, some),
    }
    costs = {name: await visited(filled.store, work) for name, work in looked_for.items()}
    assert {name: cost for name, cost in costs.items() if cost > ALL / 4} == {}


async def test_an_import_lets_postgresql_see_what_came(postgresql: Postgresql) -> None:
    """When the first are in, and when all are: until it is seen, any plan may be chosen."""
    instance_id = new_instance_id()
    lines = [b'{"platform": "fcm", "token": "%d"}' % number for number in range(FIRST + 1)]
    file = transfer.DeviceFile(BytesIO(b"\n".join(lines)), None)
    now, advanced = (lambda: NOW), (lambda _: None)
    seen = "SELECT analyze_count FROM pg_stat_user_tables WHERE relname = 'devices'"
    async with open_store(PostgresqlUrl(postgresql.new_database()), SEAL) as store:
        await create_instance(store, "new", instance_id, new_secret_key())
        await transfer.bring_in(store, instance_id, file, None, now=now, advanced=advanced)
        async with store.reading() as connection:
            assert await connection.scalar(text(seen)) == 2


async def test_pages_of_users_are_theirs_in_order_whichever_the_limit(filled: Filled) -> None:
    await filled.add(500)
    wanted = [UserId(f"user-{number}") for number in (3, 20, 21, 49, 77)]
    theirs = {
        device_id
        for place, device_id in enumerate(filled.ids)
        if f"user-{place // A_USERS_DEVICES}" in wanted
    }
    publish = filled.publish(Users(tuple(wanted)))
    for limit in (1, 7, A_USERS_DEVICES, PAGE):
        pages = await pages_of(filled, publish, shard_behind(START), limit=limit)
        found = [one for page in pages for one in page]
        assert (len(found), set(found)) == (len(theirs), theirs)
