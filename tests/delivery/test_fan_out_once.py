"""A publish whose message is on the stream twice is fanned out once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from heliograph.broker.worker import Done
from heliograph.delivery.fanout import FanOut
from heliograph.model.batch import Batch
from heliograph.model.device import Platform
from heliograph.model.ids import Interest, PublishId, new_instance_id
from heliograph.model.publish import Interests, Publish
from heliograph.store import batches, publishes
from heliograph.store.batches import Range
from heliograph.store.engine import Store, open_store
from heliograph.store.schema import devices, instances, subscriptions
from heliograph.store.sealed import MasterKey, Seal
from heliograph.store.targets import START

NOW = datetime(2026, 12, 1, tzinfo=UTC)
PAGE = Range(number=1, platform=Platform.WEB, first=START, last=START)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "heliograph.db", Seal(MasterKey(bytes(32)))) as opened:
        yield opened


class Stream:
    """Keeps what is put on it."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    async def put_batch(self, batch: Batch) -> None:
        self.batches.append(batch)


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
    fan_out = FanOut(store, stream, lambda: NOW)
    repeat = msgspec.structs.replace(publish, accepted_at=NOW + timedelta(hours=1))
    for message in (publish, repeat):
        assert await fan_out(msgspec.json.encode(message)) == Done()
    assert len(stream.batches) == 1


async def test_a_fan_out_that_comes_late_notes_no_batch_of_a_finished_publish(
    store: Store, publish: Publish
) -> None:
    """Else it would be sent again: the batches of a finished publish are forgotten."""
    of_publish = publish.instance_id, publish.id
    async with store.writing() as tx:
        assert await publishes.begin(tx, publish)
        assert await batches.add(tx, *of_publish, PAGE)
        await publishes.fanned_out(tx, *of_publish, now=NOW)
        await publishes.batch_settled(tx, *of_publish, now=NOW)
    async with store.writing() as tx:
        assert not await batches.add(tx, *of_publish, PAGE)
        assert (await publishes.report(tx, publish.instance_id, publish.id)).finished_at == NOW
