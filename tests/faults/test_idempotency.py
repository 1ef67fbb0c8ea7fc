"""An idempotency key holds across kill -9 at any moment."""

import os
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPException

from tests.browsers import Browsers, hello, new_name
from tests.client import Reply
from tests.processes import process_of
from tests.server import Server
from tests.waiting import eventually, finished

KEY = {"Idempotency-Key": "order 7"}


def send(server: Server, user: str, title: str) -> Reply:
    body = {"users": [user], **hello(title)}
    return server.instance.publish.send("publishes/users", body, headers=KEY)


def known_publishes(server: Server) -> list[str]:
    """The ids of the publishes that keys stand for."""
    with closing(sqlite3.connect(server.data / "heliograph.db")) as database:
        return [row[0] for row in database.execute("SELECT publish_id FROM idempotency_keys")]


def test_a_repeat_after_a_kill_is_not_sent_again(
    own_server: Server, own_browsers: Browsers
) -> None:
    user = new_name("alice")
    browser = own_browsers.new(user=user)
    first = send(own_server, user, "once").json()
    finished(own_server, first["publishId"])
    own_server.kill()
    own_server.restart()
    assert send(own_server, user, "once").json() == first
    later = own_server.instance.publish.to_users([user], hello("later")).json()
    finished(own_server, later["publishId"])
    assert sorted(browser.titles()) == ["later", "once"]


def test_a_kill_before_the_publish_is_on_its_stream_leaves_it_to_the_repeat(
    own_server: Server, own_browsers: Browsers
) -> None:
    """The key is noted, the broker is frozen: there the server dies, and its broker with it."""
    user = new_name("alice")
    browser = own_browsers.new(user=user)
    broker = process_of("nats-server --config", mentioning=f"{own_server.data}/")
    os.kill(broker, signal.SIGSTOP)

    def send_in_vain() -> None:
        with suppress(OSError, HTTPException):
            send(own_server, user, "once")

    with ThreadPoolExecutor(1) as app_server:
        app_server.submit(send_in_vain)
        [publish_id] = eventually(lambda: known_publishes(own_server))
        own_server.kill()
    own_server.restart()
    assert browser.titles() == []
    assert send(own_server, user, "once").json() == {"publishId": publish_id}
    assert finished(own_server, publish_id)["delivered"] == 1
    assert browser.titles() == ["once"]


def test_a_repeat_right_after_a_kill_is_the_same_publish(
    own_server: Server, own_browsers: Browsers
) -> None:
    user = new_name("alice")
    browser = own_browsers.new(user=user)
    first = send(own_server, user, "once").json()
    own_server.kill()
    own_server.restart()
    assert send(own_server, user, "once").json() == first
    report = finished(own_server, first["publishId"], within_s=60)
    assert (report["targets"], report["delivered"]) == (1, 1)
    # What was in flight when it died may be there twice (docs/how-it-works.md), a third is none.
    assert set(browser.titles()) == {"once"}
    assert len(browser.titles()) <= 2
