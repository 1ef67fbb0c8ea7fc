"""A worker that is frozen past its lease: another one finishes its work, and it lets go."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from heliograph.broker.streams import LEASE
from tests.browsers import Browser, Browsers, hello, new_name
from tests.client import Instance, Reply
from tests.postgresql import Postgresql
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually, finished
from tests.worker_process import WorkerProcess

DEVICES = 300
MOST_IN_FLIGHT = 200
LETS_GO = "another worker has taken over"
FREEZES = 4
FREEZE_S = 1
PACE_S = 0.02


@contextmanager
def serving(tmp_path: Path, settings: dict[str, str]) -> Iterator[Server]:
    """A server that accepts publishes and fans them out; what delivers, a test starts."""
    asked = {**settings, "HELIOGRAPH_ROLES": "fanout"}
    with Server.start(tmp_path / "data", environment=asked) as server:
        yield server


def test_another_worker_finishes_what_a_frozen_one_had_in_flight_and_that_one_lets_go(
    tmp_path: Path, settings: dict[str, str], push_service: PushService
) -> None:
    crowd = new_name("crowd")
    deliver = {**settings, "HELIOGRAPH_ROLES": "deliver"}
    with serving(tmp_path, settings) as server:
        browsers = Browsers(push_service, server.instance)
        everyone = [browsers.new(interests=(crowd,)) for _ in range(DEVICES)]
        push_service.hold()
        with WorkerProcess.start(server.data, "first", environment=deliver) as first:
            reply = server.instance.publish.to_interests([crowd], hello("once"))
            eventually(lambda: push_service.held() > 0)
            with WorkerProcess.start(server.data, "second", environment=deliver):
                with first.frozen():
                    push_service.release()
                    within_s = 3 * LEASE.total_seconds()
                    report = finished(server, reply.json()["publishId"], within_s=within_s)
                eventually(lambda: LETS_GO in first.log.read_text())
                last = server.instance.publish.to_interests([crowd], hello("last")).json()
                assert finished(server, last["publishId"])["delivered"] == DEVICES
            again = server.json_of("publish", "show", reply.json()["publishId"])
            assert first.stop() == 0
    assert report["delivered"] == report["targets"] == DEVICES
    assert again["platforms"]["web"] == report
    received = [one.titles() for one in everyone]
    assert all(titles.count("last") == 1 and "once" in titles for titles in received)
    assert sum(titles.count("once") for titles in received) - DEVICES <= MOST_IN_FLIGHT


def test_a_worker_frozen_again_and_again_holds_up_nobody_on_postgresql(
    tmp_path: Path,
    settings: dict[str, str],
    own_postgresql: Postgresql,
    push_service: PushService,
) -> None:
    """In the middle of a transaction it keeps its locks for as long as it is frozen."""
    user, accepted, unexpected = new_name("alice"), set[str](), list[Reply]()
    database = own_postgresql.new_database()
    shared = {**settings, "HELIOGRAPH_DATABASE_URL": database}
    deliver = {**shared, "HELIOGRAPH_ROLES": "deliver"}
    enough = Event()

    def publish_on(instance: Instance) -> None:
        while not enough.wait(PACE_S):
            title = f"number {len(accepted)}"
            reply = instance.publish.to_users([user], hello(title))
            if reply.status == 200:
                accepted.add(title)
            else:
                unexpected.append(reply)

    def are_finished() -> bool:
        counted = "SELECT count(*) FROM publishes WHERE finished_at IS NOT NULL"
        name = database.rpartition("/")[2]
        return int(own_postgresql.execute(counted, name)) == len(accepted)

    with (
        serving(tmp_path, shared) as server,
        WorkerProcess.start(server.data, "first", environment=deliver) as first,
        WorkerProcess.start(server.data, "second", environment=deliver),
        ThreadPoolExecutor(1) as app_server,
    ):
        browser = Browsers(push_service, server.instance).new(user=user)
        publishing = app_server.submit(publish_on, server.instance)
        try:
            for _ in range(FREEZES):
                some_more_arrive(browser)
                with first.frozen():
                    # A moment that nothing here decides.
                    time.sleep(FREEZE_S)
        finally:
            enough.set()
            publishing.result()
        eventually(are_finished, within_s=40)
        # What was in flight when its lease ran out may be there twice, nothing else.
        assert set(browser.titles()) == accepted
        assert unexpected == []
        assert first.stop() == 0


def some_more_arrive(browser: Browser) -> None:
    enough = len(browser.titles()) + 5
    eventually(lambda: len(browser.titles()) >= enough)
