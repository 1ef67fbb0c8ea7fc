"""A NATS cluster whose servers die under load: what got a 200 arrives, and publishing goes on."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from http.client import HTTPException
from pathlib import Path

import pytest

from heliograph.broker.address import parse_broker_address
from heliograph.broker.connection import connect
from tests.browsers import Browsers, hello, new_name
from tests.nats_cluster import NatsCluster
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually, finished
from tests.worker_process import WorkerProcess

ACCEPTED_AFTER_A_KILL = 20
PAUSE_S = 0.02


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NatsCluster]:
    (tmp_path / "nats").mkdir()
    with NatsCluster.start(tmp_path / "nats") as running:
        yield running


@pytest.fixture
def settings(cluster: NatsCluster, environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "HELIOGRAPH_NATS_URL": cluster.url}


@pytest.fixture
def clustered_server(tmp_path: Path, settings: dict[str, str]) -> Iterator[Server]:
    with Server.start(tmp_path / "data", environment=settings) as server:
        yield server


def finished_publishes(server: Server) -> set[str]:
    """The ids of all of them at once: a command for each would take longer than the test."""
    with closing(sqlite3.connect(server.data / "heliograph.db")) as database:
        found = database.execute("SELECT id FROM publishes WHERE finished_at IS NOT NULL")
        return {row[0] for row in found}


def has_copies(cluster: NatsCluster, stream: str, replicas: int) -> bool:
    return cluster.copies_of(stream) == replicas


class Publishing:
    """An app's server that publishes to a user, one after the other, and notes what got a 200.

    accepted: publish ids by title. unexpected: answers that an app's server should never see.
    """

    def __init__(self, server: Server, user: str) -> None:
        self.accepted: dict[str, str] = {}
        self.unexpected: list[str] = []
        self._server = server
        self._user = user
        self._stopping = threading.Event()

    @contextmanager
    def under_way(self) -> Iterator[None]:
        thread = threading.Thread(target=self._publish_on)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def goes_on(self) -> None:
        """Wait until some more are accepted. Raises TimeoutError."""
        enough = len(self.accepted) + ACCEPTED_AFTER_A_KILL
        eventually(lambda: len(self.accepted) >= enough, within_s=30)

    def _publish_on(self) -> None:
        number = 0
        while not self._stopping.wait(PAUSE_S):
            number += 1
            title = f"number {number}"
            try:
                reply = self._server.instance.publish.to_users([self._user], hello(title))
            except (OSError, HTTPException) as error:
                self.unexpected.append(repr(error))
                continue
            if reply.status == 200:
                self.accepted[title] = reply.json()["publishId"]
            elif reply.status != 503 or int(reply.headers["retry-after"]) < 1:
                self.unexpected.append(repr(reply))


def test_what_got_a_200_arrives_though_servers_of_the_cluster_are_killed(
    cluster: NatsCluster,
    clustered_server: Server,
    settings: dict[str, str],
    push_service: PushService,
) -> None:
    user = new_name("alice")
    browser = Browsers(push_service, clustered_server.instance).new(user=user)
    publishing = Publishing(clustered_server, user)
    with WorkerProcess.start(clustered_server.data, "worker", environment=settings):
        with publishing.under_way():
            publishing.goes_on()
            leader = cluster.leader_of("PUBLISH")
            follower = next(node for node in cluster.nodes if node is not leader)
            for node in (follower, leader):
                node.kill()
                publishing.goes_on()
                node.launch()
                node.wait_until_up()
                publishing.goes_on()
        assert publishing.unexpected == []
        accepted = set(publishing.accepted.values())
        eventually(lambda: accepted <= finished_publishes(clustered_server), within_s=40)
    assert set(publishing.accepted) <= set(browser.titles())


def test_without_a_majority_a_publish_is_refused_and_the_server_is_not_ready_until_it_is_back(
    cluster: NatsCluster, clustered_server: Server, push_service: PushService
) -> None:
    user = new_name("alice")
    browser = Browsers(push_service, clustered_server.instance).new(user=user)
    first, second, _ = cluster.nodes
    first.kill()
    second.kill()
    reply = clustered_server.instance.publish.to_users([user], hello("refused"))
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")

    def ready() -> int:
        return clustered_server.client.request("GET", "/ready").status

    eventually(lambda: ready() == 503, within_s=30)
    first.launch()
    second.launch()
    eventually(lambda: ready() == 200, within_s=40)
    accepted = eventually(
        lambda: clustered_server.instance.publish.to_users([user], hello("accepted")).json(),
        within_s=30,
    )
    finished(clustered_server, accepted["publishId"])
    assert "accepted" in browser.titles()


def test_a_server_and_a_worker_stop_in_peace_while_the_cluster_is_away(
    cluster: NatsCluster, clustered_server: Server, settings: dict[str, str]
) -> None:
    with WorkerProcess.start(clustered_server.data, "worker", environment=settings) as worker:
        for node in cluster.nodes:
            node.kill()
        # What is said from here on waits for a connection that does not come.
        reply = clustered_server.instance.publish.to_users(["alice"], hello("refused"))
        assert reply.status == 503
        assert worker.stop() == 0
        assert clustered_server.stop() == 0


def test_streams_that_are_there_get_as_many_replicas_as_are_set(
    tmp_path: Path, cluster: NatsCluster, settings: dict[str, str]
) -> None:
    for replicas in (1, 3):
        asked = {**settings, "HELIOGRAPH_NATS_REPLICAS": str(replicas)}
        with Server.start(tmp_path / "data", environment=asked):
            for stream in ("PUBLISH", "SHARDS", "DELIVER-users", "DELIVER-interests"):
                eventually(partial(has_copies, cluster, stream, replicas), within_s=30)


async def test_a_connection_that_the_server_ends_with_a_complaint_comes_back(
    tmp_path: Path,
) -> None:
    with NatsCluster.start(tmp_path, size=1) as single:
        [node] = single.nodes
        address = parse_broker_address(single.url)
        clients = [await connect(address, within=timedelta(seconds=20)) for _ in range(4)]
        node.configure([], max_connections=1)
        node.reload()
        await asyncio.to_thread(eventually, lambda: not all(one.is_connected for one in clients))
        node.configure([])
        node.reload()
        await asyncio.to_thread(eventually, lambda: all(one.is_connected for one in clients))
        for client in clients:
            await client.close()


def test_a_password_of_the_cluster_shows_nowhere(
    clustered_server: Server, settings: dict[str, str]
) -> None:
    url = settings["HELIOGRAPH_NATS_URL"]
    secret = url.rpartition("@")[0].rpartition(":")[2]
    wrong = clustered_server.cli("serve", "--nats-url", url.replace(secret, "wr0ng%2Fsecret"))
    assert wrong.returncode == 2
    log = clustered_server.log.read_text()
    for told in (secret, "s3cret", "wr0ng"):
        assert told not in wrong.stdout + wrong.stderr + log


def test_replicas_that_a_single_server_cannot_keep_are_refused_with_the_way_out(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "single").mkdir()
    with NatsCluster.start(tmp_path / "single", size=1) as single:
        clustered = {**environment, "HELIOGRAPH_NATS_URL": single.url}
        with pytest.raises(RuntimeError, match="Set --nats-replicas 1"):
            Server.start(tmp_path / "data", environment=clustered)
