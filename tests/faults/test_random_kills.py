"""A publish to 100,000 devices while processes die at random: all get it, hardly any one twice.

Each run draws other moments; what a failed one drew, HELIOGRAPH_TEST_SEED draws again.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.apns_service import ApnsService
from tests.chance import drawn_anew
from tests.nats_cluster import NatsCluster
from tests.phones import import_iphones, set_apns_key
from tests.postgresql import Postgresql
from tests.processes import process_of, resident_bytes
from tests.server import Server
from tests.waiting import eventually, finished
from tests.worker_process import WorkerProcess

DEVICES_OF_ONE_PROCESS = 20_000
DEVICES_OF_MANY = 100_000
KILLS = 6
WARM_AFTER = 10_000
"""Requests, after which is filled what is filled once: connections, caches."""
MOST_GROWTH_BYTES = 8 * 1024**2
MOST_IN_FLIGHT = 200
"""Of a process that sends, when it dies (docs/how-it-works.md)."""
WITHIN_S = 240
CROWD = "crowd"
ALERT = {"apns": {"aps": {"alert": "hello"}}}


class Kills:
    """What dies and when, by the number of requests that came in. Drawn anew in each run."""

    def __init__(self, apns: ApnsService, devices: int) -> None:
        self._apns = apns
        self._draw = drawn_anew()
        self._moments = sorted(self._draw.sample(range(devices), KILLS))

    def among(self, *victims: str) -> Iterator[str]:
        """Whose moment has come."""
        for moment in self._moments:
            wait_for_requests(self._apns, moment)
            yield self._draw.choice(victims)


def wait_for_requests(apns: ApnsService, number: int) -> None:
    eventually(lambda: apns.request_count() >= number, within_s=WITHIN_S)


@pytest.fixture
def apns(tmp_path: Path) -> Iterator[ApnsService]:
    """One of the test's own: it keeps all that it is sent."""
    (tmp_path / "apns").mkdir()
    with ApnsService.start(tmp_path / "apns") as running:
        yield running


@pytest.fixture
def settings(apns: ApnsService) -> dict[str, str]:
    return {"HELIOGRAPH_APNS_URL": apns.url, "HELIOGRAPH_GATEWAY_CA": str(apns.ca_file)}


@pytest.fixture
def database_url(postgresql: Postgresql) -> str:
    return postgresql.new_database()


@pytest.fixture
def shared_settings(
    settings: dict[str, str], database_url: str, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """Those of processes that share a database and a NATS server."""
    (tmp_path / "nats").mkdir()
    with NatsCluster.start(tmp_path / "nats", size=1) as nats:
        yield {
            **settings,
            "HELIOGRAPH_DATABASE_URL": database_url,
            "HELIOGRAPH_NATS_URL": nats.url,
            "HELIOGRAPH_NATS_REPLICAS": "1",
        }


def crowd_of(server: Server, apns: ApnsService, size: int, directory: Path) -> list[str]:
    """Make so many devices that share an interest; their push tokens."""
    tokens = apns.new_devices(size)
    devices = [{"token": token, "interests": [CROWD]} for token in tokens]
    import_iphones(server, devices, directory / "devices.jsonl")
    return tokens


def publish(server: Server) -> str:
    reply = server.instance.publish.to_interests([CROWD], ALERT)
    assert reply.status == 200
    return str(reply.json()["publishId"])


def assert_all_got_it(
    apns: ApnsService, tokens: list[str], report: dict[str, Any], *, senders_killed: int
) -> None:
    counts = apns.message_counts()
    assert counts.keys() == set(tokens)
    repeated = sum(counts.values()) - len(tokens)
    assert repeated <= senders_killed * MOST_IN_FLIGHT
    # No counter is off, and there is none that should not be.
    counted = {name: number for name, number in report.items() if number}
    assert counted == {"targets": len(tokens), "delivered": len(tokens)}
    assert apns.refusals() == []


@pytest.mark.timeout(600)
def test_a_server_and_its_broker_that_die_at_random_leave_nobody_out(
    tmp_path: Path, apns: ApnsService, settings: dict[str, str]
) -> None:
    with Server.start(tmp_path / "data", environment=settings) as server:
        set_apns_key(server, apns, tmp_path)
        tokens = crowd_of(server, apns, DEVICES_OF_ONE_PROCESS, tmp_path)
        publish_id = publish(server)
        for victim in Kills(apns, len(tokens)).among("the server", "its broker"):
            if victim == "the server":
                server.kill()
                server.restart()
            else:
                os.kill(broker_of(server), signal.SIGKILL)
        report = finished(server, publish_id, platform="apns", within_s=WITHIN_S)
    # What a server has in hand when its broker dies may be handed out a second time.
    assert_all_got_it(apns, tokens, report, senders_killed=KILLS)


def broker_of(server: Server) -> int:
    """The process id of the embedded broker, once there is one."""

    def found() -> int | None:
        try:
            return process_of("nats-server --config", mentioning=f"{server.data}/")
        except LookupError:
            return None

    return eventually(found) or 0


@pytest.mark.timeout(600)
def test_workers_and_an_api_that_die_at_random_leave_nobody_out_and_one_that_lives_does_not_grow(
    tmp_path: Path,
    apns: ApnsService,
    shared_settings: dict[str, str],
) -> None:
    none = {**shared_settings, "HELIOGRAPH_ROLES": "none"}
    with Server.start(tmp_path / "data", environment=none) as api:
        set_apns_key(api, apns, tmp_path)
        tokens = crowd_of(api, apns, DEVICES_OF_MANY, tmp_path)
        with (
            Mortals(api.data, shared_settings) as mortals,
            WorkerProcess.start(api.data, "survivor", environment=shared_settings) as survivor,
        ):
            publish_id = publish(api)
            held = []
            for victim in Kills(apns, len(tokens)).among("a worker", "both workers", "the API"):
                match victim:
                    case "a worker":
                        mortals.kill(1)
                    case "both workers":
                        mortals.kill(2)
                    case _:
                        api.kill()
                        api.restart()
                wait_for_requests(apns, WARM_AFTER)
                held.append(resident_bytes(survivor.process.pid))
            report = finished(api, publish_id, platform="apns", within_s=WITHIN_S)
            held.append(resident_bytes(survivor.process.pid))
            assert survivor.stop() == 0
    assert_all_got_it(apns, tokens, report, senders_killed=mortals.killed)
    assert max(held[1:]) - held[0] < MOST_GROWTH_BYTES, held


class Mortals:
    """Two workers that die, and are replaced at once. A context."""

    def __init__(self, data: Path, settings: dict[str, str]) -> None:
        self.killed = 0
        self._data = data
        self._settings = settings
        self._started = 0
        self._running = [self._new(), self._new()]

    def kill(self, number: int) -> None:
        dead, self._running = self._running[:number], self._running[number:]
        for worker in dead:
            worker.kill()
        self.killed += number
        self._running += [self._new() for _ in dead]

    def _new(self) -> WorkerProcess:
        self._started += 1
        name = f"mortal-{self._started}"
        return WorkerProcess.start(self._data, name, environment=self._settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for worker in self._running:
            worker.kill()
