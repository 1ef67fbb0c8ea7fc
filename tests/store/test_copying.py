"""An instance that is copied to another database is there as it was."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from heliograph.data import create_instance, new_secret_key
from heliograph.model.errors import Invalid, Misconfigured
from heliograph.model.ids import InstanceId, Interest, UserId, new_instance_id
from heliograph.store import copying, devices, instances, interests, schema, users
from heliograph.store.engine import Store, open_store
from heliograph.store.sealed import MasterKey, Seal
from tests.databases import SEAL
from tests.store.racing import FCM, NOW, count, new_device, new_publish

ALICE = UserId("alice")


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "source.db", SEAL) as opened:
        yield opened


@pytest.fixture
async def copied(source: Store) -> InstanceId:
    """An instance with something in it."""
    made = new_instance_id()
    await create_instance(source, "shop", made, new_secret_key())
    return made


async def test_a_copy_has_all_that_the_instance_has(
    source: Store, store: Store, copied: InstanceId
) -> None:
    await create_instance(source, "another", new_instance_id(), new_secret_key())
    device = await new_device(source, copied)
    await new_publish(source, copied)
    gone = await new_device(source, copied)
    topics = sorted(Interest(f"topic-{number}") for number in range(2500))
    async with source.writing() as tx:
        await users.tie(tx, copied, FCM, device.id, ALICE, now=NOW)
        await interests.replace(tx, device, topics)
        await devices.remove_gone(tx, gone, "gone", now=NOW)
    said = await copying.copy(source, store, [copied])
    assert said["subscriptions"] == len(topics)
    for table in schema.metadata.sorted_tables:
        assert await count(store, table, copied) == await count(source, table, copied)
        assert said[table.name] == await count(source, table, copied)
    async with source.reading() as old, store.reading() as new:
        for ask in (
            partial(devices.of_user, instance_id=copied, user_id=ALICE),
            partial(instances.find, instance_id=copied),
            partial(instances.keys_of, seal=SEAL, instance_id=copied),
        ):
            assert await ask(new) == await ask(old)
        assert set(await interests.of_device(new, copied, device.id)) == set(topics)


async def test_an_instance_that_is_there_already_is_refused_and_nothing_is_copied(
    source: Store, store: Store, copied: InstanceId
) -> None:
    another = new_instance_id()
    await create_instance(source, "another", another, new_secret_key())
    await copying.copy(source, store, [copied])
    with pytest.raises(Invalid, match=copied):
        await copying.copy(source, store, [another, copied])
    assert await count(store, schema.instances, another) == 0


@pytest.mark.usefixtures("instance_id")
async def test_a_database_with_another_master_key_is_refused(store: Store, tmp_path: Path) -> None:
    other = Seal(MasterKey(bytes(31) + b"\1"))
    async with open_store(tmp_path / "other.db", other) as another:
        made = new_instance_id()
        await create_instance(another, "sealed", made, new_secret_key())
        with pytest.raises(Misconfigured, match="another master key"):
            await copying.copy(another, store, [made])
    assert await count(store, schema.instances, made) == 0


def test_every_table_begins_with_the_instance_that_a_row_belongs_to() -> None:
    for table in schema.metadata.sorted_tables:
        assert next(iter(table.primary_key)) is schema.owner_in(table), table.name
