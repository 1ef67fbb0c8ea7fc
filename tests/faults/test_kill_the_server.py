"""kill -9 at any moment, and a restart, loses nothing."""

import os
import signal
import time

from tests.browsers import Browsers, hello, new_name
from tests.processes import is_alive, process_of
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually, finished


def broker_of(server: Server) -> int:
    """The process id of the embedded broker."""
    return process_of("nats-server --config", mentioning=f"{server.data}/")


def test_a_publish_that_got_200_arrives_after_the_server_was_killed(
    own_server: Server, own_browsers: Browsers
) -> None:
    user = new_name("alice")
    browser = own_browsers.new(user=user)
    reply = own_server.instance.publish.to_users([user], hello("survived"))
    own_server.kill()
    assert reply.status == 200
    own_server.restart()
    assert eventually(browser.titles, within_s=40) == ["survived"] * len(browser.titles())
    assert finished(own_server, reply.json()["publishId"])["delivered"] == 1


def test_a_kill_in_the_middle_of_a_batch_loses_none_and_repeats_only_what_was_in_flight(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    crowd = new_name("crowd")
    everyone = [own_browsers.new(interests=(crowd,)) for _ in range(700)]
    push_service.hold()
    reply = own_server.instance.publish.to_interests([crowd], hello("once"))
    eventually(lambda: push_service.held() > 0)
    push_service.release()
    eventually(lambda: sum(push_service.message_counts().values()) > 100)
    own_server.kill()
    own_server.restart()
    report = finished(own_server, reply.json()["publishId"], within_s=60)
    received = [len(browser.received()) for browser in everyone]
    assert min(received) == 1
    # No more than may be in flight at once, of all batches together.
    assert sum(received) - len(everyone) <= 200
    assert report["delivered"] == report["targets"] == len(everyone)


def test_the_broker_dies_with_a_killed_server(own_server: Server) -> None:
    broker = broker_of(own_server)
    own_server.kill()
    eventually(lambda: not is_alive(broker), within_s=5)


def test_a_broker_that_dies_alone_is_started_again_and_nothing_is_lost(
    own_server: Server, own_browsers: Browsers
) -> None:
    user = new_name("alice")
    browser = own_browsers.new(user=user)
    first = broker_of(own_server)
    os.kill(first, signal.SIGKILL)

    def accepted() -> bool:
        return own_server.instance.publish.to_users([user], hello("after")).status == 200

    eventually(accepted, within_s=30)
    assert "after" in eventually(browser.titles, within_s=40)
    assert broker_of(own_server) != first


def test_while_the_broker_is_away_a_publish_is_refused_not_lost(own_server: Server) -> None:
    broker = broker_of(own_server)
    os.kill(broker, signal.SIGSTOP)
    try:
        reply = own_server.instance.publish.to_users(["alice"], hello("refused"))
    finally:
        os.kill(broker, signal.SIGCONT)
    assert reply.status == 503
    assert int(reply.headers["retry-after"]) >= 1


def test_two_servers_on_one_data_directory_are_refused(own_server: Server) -> None:
    refused = own_server.cli("serve", "--port", "1")
    assert refused.returncode == 2
    assert f"process {own_server.process.pid}" in refused.stderr
    assert "--data DIR" in refused.stderr


def test_a_lock_left_behind_by_a_killed_server_is_recovered(own_server: Server) -> None:
    assert (own_server.data / "lock").exists()
    own_server.kill()
    began = time.monotonic()
    own_server.restart()
    assert own_server.client.request("GET", "/ready").status == 200
    assert time.monotonic() - began < 30


def test_a_stop_leaves_no_process_behind(own_server: Server) -> None:
    broker = broker_of(own_server)
    assert own_server.stop() == 0
    assert not is_alive(broker)
