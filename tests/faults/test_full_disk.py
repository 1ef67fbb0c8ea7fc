"""A disk that is full: what can't be stored is refused, and all goes on once there is room."""

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.browsers import Browsers, hello, new_name
from tests.client import Reply
from tests.processes import is_alive, process_of
from tests.push_service import PushService
from tests.push_tokens import new_push_token
from tests.server import Server
from tests.small_disk import NotAllowed, SmallDisk
from tests.waiting import eventually, finished

KEY = {"Idempotency-Key": "order 7"}
PACE_S = 0.01
LONG = {"data": {"long": "x" * 3000}}
"""More than what may be left of a page of the disk that is in use."""


def mounted(directory: Path) -> SmallDisk:
    try:
        return SmallDisk.mounted(directory)
    except NotAllowed as error:
        pytest.skip(str(error))


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SmallDisk]:
    """The disk of the whole data directory, or of what a test is parametrized with."""
    with mounted(tmp_path / getattr(request, "param", "data")) as small:
        yield small


@pytest.fixture
def server(disk: SmallDisk, tmp_path: Path, environment: dict[str, str]) -> Iterator[Server]:
    assert disk.directory.is_mount()
    with Server.start(tmp_path / "data", environment=environment) as running:
        yield running


@pytest.fixture
def browsers(push_service: PushService, server: Server) -> Browsers:
    return Browsers(push_service, server.instance)


def status_of(server: Server, path: str) -> int:
    return server.client.request("GET", path).status


def is_refused(reply: Reply) -> bool:
    return reply.status == 503 and int(reply.headers["retry-after"]) >= 1


on_either = pytest.mark.parametrize("disk", ["data", "data/broker"], indirect=True)


@on_either
def test_while_the_disk_is_full_publishes_are_refused_and_afterwards_all_goes_on(
    disk: SmallDisk, server: Server, browsers: Browsers
) -> None:
    user = new_name("alice")
    browser = browsers.new(user=user)
    publish = server.instance.publish
    finished(server, publish.to_users([user], hello("before")).json()["publishId"])
    disk.fill()
    assert all(is_refused(publish.to_users([user], hello("refused", **LONG))) for _ in range(3))
    assert (status_of(server, "/ready"), status_of(server, "/health")) == (503, 200)
    doctor = server.cli("doctor").stdout
    assert f"only 0 MiB are free for {disk.directory}" in doctor
    assert is_alive(server.process.pid)
    disk.make_room()
    eventually(lambda: status_of(server, "/ready") == 200)
    after = publish.to_users([user], hello("after")).json()
    assert finished(server, after["publishId"])["delivered"] == 1
    assert browser.titles() == ["before", "after"]


def test_while_the_disk_is_full_devices_are_told_to_come_again(
    disk: SmallDisk, server: Server, browsers: Browsers
) -> None:
    devices, browser, user = server.instance.devices, browsers.new(), new_name("alice")
    token, proof = new_push_token("fcm"), server.instance.token(user)
    disk.fill()
    assert is_refused(devices.register_fcm(token))
    assert is_refused(devices.put_user(browser.device_id, proof))
    assert is_refused(devices.put_interests(browser.device_id, ["a" * 164] * 20))
    disk.make_room()
    assert devices.register_fcm(token).status == 200
    assert devices.put_user(browser.device_id, proof).status == 200


@pytest.mark.parametrize("disk", ["data/broker"], indirect=True)
def test_a_broker_whose_write_failed_stores_again_once_there_is_room(
    disk: SmallDisk, server: Server, browsers: Browsers
) -> None:
    """The publish is on its way to the broker when the disk fills up."""
    user = new_name("alice")
    browser = browsers.new(user=user)
    body = {"users": [user], **hello("once", **LONG)}
    broker = process_of("nats-server --config", mentioning=f"{server.data}/")

    def send() -> Reply:
        return server.instance.publish.send("publishes/users", body, headers=KEY)

    with ThreadPoolExecutor(1) as app_server:
        os.kill(broker, signal.SIGSTOP)
        try:
            first = app_server.submit(send)
            eventually(lambda: known_publishes(server))
            # Behind the answer to this, the publish is sent.
            assert status_of(server, "/health") == 200
            disk.fill()
        finally:
            os.kill(broker, signal.SIGCONT)
        assert is_refused(first.result())
    assert "no space left on device" in (server.data / "broker" / "nats.log").read_text()
    disk.make_room()
    accepted = eventually(lambda: accepted_id(send()))
    assert finished(server, accepted or "")["delivered"] == 1
    assert browser.titles() == ["once"]


@on_either
def test_what_was_accepted_arrives_though_the_disk_fills_up_again_and_again(
    disk: SmallDisk, server: Server, browsers: Browsers
) -> None:
    user = new_name("alice")
    browser = browsers.new(user=user)
    accepted: dict[str, str] = {}
    refused: list[Reply] = []

    def publish_one(title: str) -> None:
        reply = server.instance.publish.to_users([user], hello(title, **LONG))
        if reply.status == 200:
            accepted[title] = reply.json()["publishId"]
        else:
            refused.append(reply)

    with under_way(publish_one):
        for _ in range(3):
            more_are_in(accepted, 20)
            disk.fill()
            more_are_in(refused, 1)
            disk.make_room()
    assert all(map(is_refused, refused))
    waiting = set(accepted.values())
    eventually(lambda: waiting <= finished_publishes(server), within_s=40)
    assert sorted(browser.titles()) == sorted(accepted)


@on_either
def test_a_publish_in_the_middle_of_which_the_disk_fills_up_is_delivered_and_counted_to_the_last(
    disk: SmallDisk, server: Server, browsers: Browsers, push_service: PushService
) -> None:
    crowd = new_name("crowd")
    everyone = [browsers.new(interests=(crowd,)) for _ in range(600)]
    push_service.hold()
    already = sum(push_service.message_counts().values())
    reply = server.instance.publish.to_interests([crowd], hello("once"))
    eventually(lambda: push_service.held() > 0)
    disk.fill()
    push_service.release()
    # What is in flight is taken now. On a disk that is full it can't be noted.
    eventually(lambda: sum(push_service.message_counts().values()) > already)
    disk.make_room()
    report = finished(server, reply.json()["publishId"], within_s=60)
    received = [len(browser.received()) for browser in everyone]
    assert min(received) == 1
    assert sum(received) - len(everyone) <= 200
    assert report["delivered"] == report["targets"] == len(everyone)
    # Nothing is left that would be sent again.
    last = server.instance.publish.to_interests([crowd], hello("last")).json()
    assert finished(server, last["publishId"])["delivered"] == len(everyone)


@contextmanager
def under_way(publish_one: Callable[[str], None]) -> Iterator[None]:
    """An app's server that publishes one after the other, each under a title of its own."""
    stopping = threading.Event()

    def publish_on() -> None:
        number = 0
        while not stopping.wait(PACE_S):
            number += 1
            publish_one(f"number {number}")

    with ThreadPoolExecutor(1) as app_server:
        publishing = app_server.submit(publish_on)
        try:
            yield
        finally:
            stopping.set()
        publishing.result()


def more_are_in(found: Sized, number: int) -> None:
    """Wait until there are so many more."""
    enough = len(found) + number
    eventually(lambda: len(found) >= enough, within_s=40)


def accepted_id(reply: Reply) -> str | None:
    return str(reply.json()["publishId"]) if reply.status == 200 else None


def known_publishes(server: Server) -> list[str]:
    """The ids of the publishes that keys stand for."""
    return _column(server, "SELECT publish_id FROM idempotency_keys")


def finished_publishes(server: Server) -> set[str]:
    return set(_column(server, "SELECT id FROM publishes WHERE finished_at IS NOT NULL"))


def _column(server: Server, statement: str) -> list[str]:
    with closing(sqlite3.connect(server.data / "heliograph.db")) as database:
        return [row[0] for row in database.execute(statement)]
