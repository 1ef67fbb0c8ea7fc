"""A large publish is fanned out in shards by several workers: each device gets it exactly once."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from heliograph.model.ids import InstanceId, PublishId
from heliograph.model.shard import Shard
from heliograph.store import shards
from heliograph.store.database import PostgresqlUrl
from heliograph.store.engine import open_store
from tests.apns_service import ApnsService
from tests.databases import SEAL
from tests.nats_cluster import NatsCluster
from tests.phones import done, import_iphones, set_apns_key
from tests.postgresql import Postgresql
from tests.server import Server
from tests.waiting import eventually, finished
from tests.worker_process import WorkerProcess

DEVICES = 20_000
A_BATCH = 500
A_USERS_DEVICES = 100
USERS = [f"user-{number}" for number in range(DEVICES // A_USERS_DEVICES)]
INTERESTS = {"all": 1, "half": 2, "few": 10}
"""Interests, and that each so many-th device has them."""
PARTS, MOST_UNDER_WAY = 16, 32
ALERT = {"apns": {"aps": {"alert": "hello"}}}
WITHIN_S = 90


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsCluster]:
    (tmp_path / "nats").mkdir()
    with NatsCluster.start(tmp_path / "nats", size=1) as running:
        yield running


@pytest.fixture
def database_url(postgresql: Postgresql) -> str:
    return postgresql.new_database()


@pytest.fixture
def settings(nats: NatsCluster, database_url: str, environment: dict[str, str]) -> dict[str, str]:
    return {
        **environment,
        "HELIOGRAPH_DATABASE_URL": database_url,
        "HELIOGRAPH_NATS_URL": nats.url,
        "HELIOGRAPH_NATS_REPLICAS": "1",
    }


@pytest.fixture
def api(settings: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    """A server that leaves all work to others."""
    none = {**settings, "HELIOGRAPH_ROLES": "none"}
    with Server.start(tmp_path / "data", environment=none) as server:
        yield server


@pytest.fixture
def workers(api: Server, settings: dict[str, str]) -> Iterator[None]:
    with (
        WorkerProcess.start(api.data, "one", environment=settings),
        WorkerProcess.start(api.data, "two", environment=settings),
    ):
        yield


@pytest.fixture
def tokens(api: Server, apns_service: ApnsService, tmp_path: Path) -> list[str]:
    set_apns_key(api, apns_service, tmp_path)
    made = apns_service.new_devices(DEVICES)
    devices = [
        {
            "token": token,
            "userId": USERS[number // A_USERS_DEVICES],
            "interests": [name for name, nth in INTERESTS.items() if number % nth == 0],
        }
        for number, token in enumerate(made)
    ]
    import_iphones(api, devices, tmp_path / "devices.jsonl")
    return made


async def shards_of(database_url: str, instance_id: str, publish_id: str) -> list[Shard]:
    async with (
        open_store(PostgresqlUrl(database_url), SEAL) as store,
        store.reading() as connection,
    ):
        return await shards.of_publish(connection, InstanceId(instance_id), PublishId(publish_id))


@pytest.mark.usefixtures("workers")
def test_two_workers_send_a_large_publish_once_and_a_slow_gateway_does_not_fill_the_stream(
    api: Server, nats: NatsCluster, apns_service: ApnsService, tokens: list[str], database_url: str
) -> None:
    # Of users there is one shard, so that its bound is less than all the batches there would be.
    apns_service.hold()
    held = api.instance.publish.to_users(USERS, ALERT).json()["publishId"]
    eventually(lambda: nats.messages_in("DELIVER-users") >= MOST_UNDER_WAY, within_s=30)
    done(api, "publish", "show", held)
    assert nats.messages_in("DELIVER-users") == MOST_UNDER_WAY < DEVICES / A_BATCH
    done(api, "publish", "cancel", held)
    apns_service.release()
    report = finished(api, held, platform="apns")
    assert report["delivered"] + report["cancelled"] == report["targets"]
    assert report["targets"] == MOST_UNDER_WAY * A_BATCH
    apns_service.reset()

    reply = api.instance.publish.to_interests([*INTERESTS], ALERT)
    publish_id = reply.json()["publishId"]
    report = finished(api, publish_id, platform="apns", within_s=WITHIN_S)
    assert apns_service.message_counts() == dict.fromkeys(tokens, 1)
    assert {name: number for name, number in report.items() if number} == {
        "targets": DEVICES,
        "delivered": DEVICES,
    }
    found = asyncio.run(shards_of(database_url, api.instance_id, publish_id))
    assert [shard.number for shard in found] == list(range(PARTS))
    assert all(shard.targets and shard.is_finished for shard in found)
    assert sum(shard.targets for shard in found) == DEVICES
    assert nats.messages_in("SHARDS") + nats.messages_in("DELIVER-interests") == 0
