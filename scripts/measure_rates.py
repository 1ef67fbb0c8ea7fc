"""Measures how fast rows that all write to can be written, and records it in scripts/sizes.json.

    python -m scripts.measure_rates

Only on a machine that does nothing else: beside other work it was four times as slow.
"""

import asyncio
import random
import time
from collections.abc import Sequence

import click

from heliograph.data import create_instance, new_secret_key
from heliograph.delivery.settle import OpenBatch, Pausing
from heliograph.delivery.settlement import Settlement
from heliograph.model.batch import Progress, Target
from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId, new_device_id, new_instance_id, new_publish_id
from heliograph.model.limits import MAX_BATCH_TARGETS
from heliograph.model.publish import Interests, Publish
from heliograph.model.shard import START, Shard
from heliograph.model.verdict import Delivered
from heliograph.store import devices, publishes
from heliograph.store.batches import Range
from heliograph.store.database import PostgresqlUrl
from heliograph.store.engine import Store, open_store
from scripts.fill import NOW, batch_of, fill
from scripts.measure_sizes import SEAL, database, note, said_of

_AT_ONCE = 16
"""As many as a server has connections."""
_SETTLED_AT_ONCE = 50
_DEVICES = 2000
_TIME_S = 5.0


@click.command()
@click.option(
    "--database-url",
    metavar="URL",
    help="An empty PostgreSQL database; else one is started that the machine has.",
)
def main(database_url: str | None) -> None:
    """Measure how many targets are settled, and devices registered again, on PostgreSQL."""
    with database(database_url) as url:
        note(asyncio.run(_rates(url)))


async def _rates(url: PostgresqlUrl) -> dict[str, int]:
    async with open_store(url, SEAL) as store:
        one = (await fill(store, number=_DEVICES, said=said_of("PostgreSQL"))).instance_id
        others = [new_instance_id() for _ in range(_AT_ONCE)]
        for other in others:
            await create_instance(store, "another", other, new_secret_key())
        return {
            "settled_a_second_by_one": await _settled_a_second(store, [one]),
            "settled_a_second_by_many": await _settled_a_second(store, [one] * _AT_ONCE),
            "settled_a_second_in_many": await _settled_a_second(store, others),
            "registered_a_second": await _registered_a_second(store, one),
        }


async def _settled_a_second(store: Store, instance_ids: Sequence[InstanceId]) -> int:
    """How many targets are settled, by one worker for each instance that is named."""
    deadline, settled = time.monotonic() + _TIME_S, 0

    async def work(instance_id: InstanceId) -> None:
        nonlocal settled
        while time.monotonic() < deadline:
            opened = await _noted(store, instance_id)
            for first in range(0, MAX_BATCH_TARGETS, _SETTLED_AT_ONCE):
                said = [Settlement(first + n, None, Delivered()) for n in range(_SETTLED_AT_ONCE)]
                rng = random.Random(1)  # noqa: S311  # no secrets
                await opened.settle(store, said, now=NOW, expires_at=NOW, rng=rng)
                settled += _SETTLED_AT_ONCE

    async with asyncio.TaskGroup() as group:
        for instance_id in instance_ids:
            group.create_task(work(instance_id))
    return round(settled / _TIME_S)


async def _noted(store: Store, instance_id: InstanceId) -> OpenBatch:
    """A batch in hand, of a publish of its own."""
    publish = Publish(
        id=new_publish_id(),
        instance_id=instance_id,
        accepted_at=NOW,
        audience=Interests(()),
        payloads={},
    )
    shard = Shard(platform=Platform.FCM, number=0, batches=1, done=True)
    noted = Range(platform=Platform.FCM, shard=0, number=1, first=START, last=START)
    async with store.writing() as tx:
        await publishes.begin(tx, publish, [shard], [noted], now=NOW)
    targets = [Target(new_device_id("fcm"), None) for _ in range(MAX_BATCH_TARGETS)]
    batch = batch_of(instance_id, publish.id, platform=Platform.FCM, targets=targets)
    opened = OpenBatch(batch, Progress(), 0, Pausing(), lambda *_: None)
    opened.credential_id = "key"
    return opened


async def _registered_a_second(store: Store, instance_id: InstanceId) -> int:
    """How many known devices register again, as their apps are opened."""
    async with store.reading() as connection:
        known = await devices.page(connection, instance_id, after="fcm", limit=2000)
    deadline, registered = time.monotonic() + _TIME_S, 0
    rng = random.Random(1)  # noqa: S311  # no secrets

    async def work() -> None:
        nonlocal registered
        while time.monotonic() < deadline:
            device = rng.choice(known)
            async with store.writing() as tx:
                token = device.push_token
                await devices.register(tx, instance_id, device.platform, token, None, now=NOW)
            registered += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(work())
    return round(registered / _TIME_S)


if __name__ == "__main__":
    main()
