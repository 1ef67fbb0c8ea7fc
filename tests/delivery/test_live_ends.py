"""Both ends of live events over a real broker: what does not fit is split, or lost and counted."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from nats.aio.client import Client

from heliograph.broker.address import parse_broker_address
from heliograph.broker.connection import close, connect
from heliograph.broker.live import Live
from heliograph.broker.reader import Heard, Lost, Reader
from heliograph.model.device import Platform
from heliograph.model.ids import DeviceId, InstanceId, new_instance_id
from heliograph.model.live import Answered, DeviceStopped, LiveEvent, Tell
from tests.nats_cluster import NatsCluster

NOW = datetime(2026, 12, 1, tzinfo=UTC)
MOST_UNSENT, MOST_UNREAD = 10_000, 1000
INSTANCE = new_instance_id()


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    with NatsCluster.start(tmp_path, size=1) as running:
        connected = await connect(parse_broker_address(running.url), within=timedelta(seconds=20))
        yield connected
        await close(connected)


@pytest.fixture
async def ends(client: Client) -> AsyncIterator[tuple[Tell, Reader]]:
    """What tells, and a reader of all that is told of the instance."""
    live = Live(client)
    async with (
        live.telling(lambda: NOW) as tell,
        live.listening(asyncio.Event()) as listening,
        listening.reader(INSTANCE, lambda _: True) as reader,
    ):
        yield tell, reader


def stopped(number: int) -> list[LiveEvent]:
    return [DeviceStopped(device_id=DeviceId(f"fcm-{one}")) for one in range(number)]


async def taken(reader: Reader, number: int) -> list[Heard]:
    """Take until so many are there, those that are lost with them."""
    heard = list[Heard]()
    async with asyncio.timeout(30):
        while sum(one.number if isinstance(one, Lost) else 1 for one in heard) < number:
            heard += await reader.take(within=timedelta(seconds=1))
    return heard


def events_in(heard: Sequence[Heard]) -> list[LiveEvent]:
    return [one[1] for one in heard if not isinstance(one, Lost)]


async def test_what_is_larger_than_a_message_arrives_in_its_order(
    ends: tuple[Tell, Reader],
) -> None:
    tell, reader = ends
    answers = [
        Answered(platform=Platform.FCM, outcome="failed", reason=f"{number}{'x' * 5000}")
        for number in range(MOST_UNREAD)
    ]
    tell(INSTANCE, lambda: answers)
    assert events_in(await taken(reader, len(answers))) == answers


async def test_who_does_not_take_gets_the_first_and_how_many_are_missing_where_they_are(
    ends: tuple[Tell, Reader],
) -> None:
    tell, reader = ends
    events = stopped(MOST_UNREAD + 17)
    tell(INSTANCE, lambda: events)
    tell(INSTANCE, lambda: events[:1])
    heard = await taken(reader, len(events) + 1)
    assert heard[MOST_UNREAD] == Lost(18)
    assert events_in(heard) == events[:MOST_UNREAD]
    tell(INSTANCE, lambda: events[:3])
    assert events_in(await taken(reader, 3)) == events[:3]


async def test_what_can_not_be_sent_as_fast_as_it_is_told_is_counted(
    ends: tuple[Tell, Reader],
) -> None:
    tell, reader = ends
    tell(INSTANCE, lambda: stopped(3))
    tell(INSTANCE, lambda: stopped(MOST_UNSENT))
    heard = await taken(reader, 3 + MOST_UNSENT)
    assert events_in(heard) == stopped(3)
    assert heard[-1] == Lost(MOST_UNSENT)


async def test_what_goes_wrong_in_telling_harms_nothing(
    ends: tuple[Tell, Reader], caplog: pytest.LogCaptureFixture
) -> None:
    tell, reader = ends

    def fails() -> list[LiveEvent]:
        raise ValueError("no such thing")

    tell(INSTANCE, fails)
    assert "a live event could not be made" in caplog.text
    tell(INSTANCE, lambda: stopped(1))
    assert events_in(await taken(reader, 1)) == stopped(1)


async def test_what_another_version_tells_is_missing_and_no_more(
    client: Client, ends: tuple[Tell, Reader]
) -> None:
    tell, reader = ends
    unknown = b'{"at":"2026-12-01T00:00:00Z","events":[{"kind":"moon-risen"}]}'
    await client.publish(f"live.of.{INSTANCE}", unknown)
    assert await taken(reader, 1) == [Lost(1)]
    tell(INSTANCE, lambda: stopped(1))
    assert events_in(await taken(reader, 1)) == stopped(1)


async def test_nothing_is_even_made_while_nobody_reads_that_instance(
    ends: tuple[Tell, Reader],
) -> None:
    tell, _ = ends
    made = list[InstanceId]()

    def make(instance_id: InstanceId) -> list[LiveEvent]:
        made.append(instance_id)
        return []

    for instance_id in (new_instance_id(), INSTANCE):
        tell(instance_id, partial(make, instance_id))
    assert made == [INSTANCE]
