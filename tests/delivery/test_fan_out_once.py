"""A publish whose message is on the stream twice is fanned out once."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from heliograph.broker.worker import Done, Later, Outcome
from heliograph.delivery.fanout import FanOut
from heliograph.delivery.sharding import Sharding, ShardStream
from heliograph.model.batch import Batch, Progress
from heliograph.model.device import Platform
from heliograph.model.errors import Unavailable
from heliograph.model.ids import Interest, PublishId, new_instance_id
from heliograph.model.limits import MAX_BATCH_TARGETS
from heliograph.model.publish import Interests, Publish
from heliograph.model.shard import START, Shard, ShardMessage
from heliograph.store import batches, publishes
from heliograph.store.batches import Range
from heliograph.store.engine import Store, open_store
from heliograph.store.schema import devices, instances, subscriptions
from heliograph.store.sealed import MasterKey, Seal

NOW = datetime(2026, 12, 1, tzinfo=UTC)
PAGE = Range(platform=Platform.WEB, shard=0, number=1, first=START, last=START)
PARTS, PAGES_A_TURN, UNDER_WAY = 16, 16, 32


def nobody(*_told: object) -> None:
    """Nobody watches."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "heliograph.db", Seal(MasterKey(bytes(32)))) as opened:
        yield opened


class Stream:
    """Keeps what is put on it, each batch and shard once."""

    def __init__(self) -> None:
        self.batches: dict[tuple[int, int], Batch] = {}
        self.shards: set[int] = set()
        self.puts = 0

    async def put_batch(self, batch: Batch) -> None:
        self.puts += 1
        self.batches.setdefault((batch.shard, batch.number), batch)

    async def put_shard(self, publish: Publish, shard: Shard) -> None:
        self.shards.add(shard.number)


@pytest.fixture
async def publish(store: Store) -> Publish:
    """A publish to one device."""
    instance_id, made = (
        new_instance_id(),
        {"registered_at": NOW, "token_hash": b"", "metadata": "{}"},
    )
    device = {"instance_id": instance_id, "id": "web-1", "platform": "web", "push_token": ""}
    interest = {"instance_id": instance_id, "interest": "news", "platform": "web"}
    async with store.writing() as tx:
        await tx.execute(instances.insert().values(id=instance_id, name="", created_at=NOW))
        await tx.execute(devices.insert().values(**device, **made))
        await tx.execute(subscriptions.insert().values(**interest, device_id="web-1"))
    return Publish(
        id=PublishId("pubid-1"),
        instance_id=instance_id,
        accepted_at=NOW,
        audience=Interests((Interest("news"),)),
        payloads={Platform.WEB: {}},
    )


async def test_the_second_message_of_a_publish_is_dropped(store: Store, publish: Publish) -> None:
    stream = Stream()
    fan_out = FanOut(store, stream, lambda: NOW, nobody)
    repeat = msgspec.structs.replace(publish, accepted_at=NOW + timedelta(hours=1))
    for message in (publish, repeat):
        assert await fan_out(msgspec.json.encode(message)) == Done()
    assert len(stream.batches) == 1


async def test_a_fan_out_that_comes_late_notes_no_batch_of_a_finished_publish(
    store: Store, publish: Publish
) -> None:
    """Else it would be sent again: the batches of a finished publish are forgotten."""
    stream, begun = Stream(), Shard(platform=Platform.WEB, number=0)
    await FanOut(store, stream, lambda: NOW, nobody)(msgspec.json.encode(publish))
    [batch] = stream.batches.values()
    async with store.writing() as tx:
        await publishes.batch_settled(tx, batch, now=NOW)
    late = msgspec.structs.replace(begun, batches=1, done=True)
    async with store.writing() as tx:
        assert not await publishes.shard_advanced(tx, publish, begun, late, PAGE, now=NOW)
        assert (await publishes.report(tx, publish.instance_id, publish.id)).finished_at == NOW


async def test_a_shard_that_was_cut_off_anywhere_goes_on_where_it_was(
    store: Store, publish: Publish
) -> None:
    """Cut off at each place in turn where something was put on a stream, or was about to be."""
    devices_there = 40 * MAX_BATCH_TARGETS
    await add_devices(store, publish, devices_there)
    stream = Stream()
    cut = CutOff(stream)
    for puts in (0, 1, 2, 5, 17):
        cut.after = puts
        with suppress(Unavailable):
            await FanOut(store, cut, lambda: NOW, nobody)(msgspec.json.encode(publish))
    assert await FanOut(store, stream, lambda: NOW, nobody)(msgspec.json.encode(publish)) == Done()
    for puts in (0, 1, 2, 3, 20, 21):
        cut.after = puts
        with suppress(Unavailable):
            await turn(store, cut, publish, 0)
    await settle_all(store, stream)
    for number in range(PARTS):
        while await turn(store, stream, publish, number) != Done():
            await settle_all(store, stream)
    await settle_all(store, stream)
    targets = [one.device_id for batch in stream.batches.values() for one in batch.targets]
    assert len(targets) == len(set(targets)) == devices_there + 1
    assert stream.shards == set(range(PARTS))
    async with store.reading() as connection:
        assert (
            await publishes.report(connection, publish.instance_id, publish.id)
        ).finished_at == NOW


@pytest.mark.parametrize("puts", [0, 1, 2, 2 * PARTS - 3])
async def test_no_shard_is_lost_when_the_split_is_cut_off(
    store: Store, publish: Publish, puts: int
) -> None:
    """Also if the first shard has less than a turn left, and is done with its next one."""
    await add_devices(store, publish, 20 * MAX_BATCH_TARGETS)
    stream = Stream()
    await FanOut(store, stream, lambda: NOW, nobody)(msgspec.json.encode(publish))
    cut = CutOff(stream)
    cut.after = 2 * (1 + PAGES_A_TURN) + puts
    with pytest.raises(Unavailable):
        await turn(store, cut, publish, 0)
    assert len(stream.shards) < PARTS
    assert await turn(store, stream, publish, 0) == Done()
    assert stream.shards == set(range(PARTS))


async def test_a_shard_runs_ahead_of_a_gateway_that_takes_nothing_by_a_few_batches_only(
    store: Store, publish: Publish
) -> None:
    await add_devices(store, publish, 20 * MAX_BATCH_TARGETS, "00")
    await add_devices(store, publish, 2 * UNDER_WAY * MAX_BATCH_TARGETS, "18")
    stream = Stream()
    await FanOut(store, stream, lambda: NOW, nobody)(msgspec.json.encode(publish))
    await turn(store, stream, publish, 0)
    for _ in range(UNDER_WAY):
        await turn(store, stream, publish, 1)
    assert max(number for shard, number in stream.batches if shard == 1) == UNDER_WAY
    stream.puts = 0
    assert isinstance(await turn(store, stream, publish, 1), Later)
    assert stream.puts == 0
    await settle_all(store, stream)
    await turn(store, stream, publish, 1)
    assert max(number for shard, number in stream.batches if shard == 1) > UNDER_WAY


class CutOff:
    """Fails behind so many puts: every second time before it has put, else after that."""

    def __init__(self, stream: Stream) -> None:
        self.after = 0
        self._stream = stream

    async def put_batch(self, batch: Batch) -> None:
        if self.after % 2 == 0:
            self._count()
        await self._stream.put_batch(batch)
        if self.after % 2:
            self._count()

    async def put_shard(self, publish: Publish, shard: Shard) -> None:
        self._count()
        await self._stream.put_shard(publish, shard)

    def _count(self) -> None:
        self.after -= 2
        if self.after < 0:
            raise Unavailable("broker")


async def turn(store: Store, stream: ShardStream, publish: Publish, number: int) -> Outcome:
    message = ShardMessage(publish=publish, platform=Platform.WEB, number=number)
    return await Sharding(store, stream, lambda: NOW, nobody)(msgspec.json.encode(message))


async def settle_all(store: Store, stream: Stream) -> None:
    """Settle what is on the stream and is not yet."""
    for batch in stream.batches.values():
        async with store.writing() as tx:
            found = await batches.find(tx, batch)
            if found is not None:
                await batches.advance(tx, batch, Progress(), version=0, settled=True)
                await publishes.batch_settled(tx, batch, now=NOW)


async def add_devices(store: Store, publish: Publish, number: int, digits: str = "") -> None:
    """Add as many. digits: what their ids begin with."""
    interest = {"instance_id": publish.instance_id, "interest": "news", "platform": "web"}
    ids = [f"web-{digits}{str(uuid4())[len(digits) :]}" for _ in range(number)]
    rows = [{**interest, "device_id": device_id} for device_id in ids]
    async with store.writing() as tx:
        await tx.execute(subscriptions.insert(), rows)
