"""A stop() while a worker is frozen, dead or can't be asked: it returns, and nothing comes then."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heliograph.broker.roll import SIGNED_FOR
from tests.browsers import Browser, Browsers, hello
from tests.nats_cluster import NatsCluster
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually, finished
from tests.worker_process import WorkerProcess

DEVICES = 20
LONGEST_S = SIGNED_FOR.total_seconds() + 3
"""With a little for a busy machine."""
NOT_ALL_WERE_ASKED = "not every process that sends could be asked"


@pytest.fixture
def api(tmp_path: Path, settings: dict[str, str]) -> Iterator[Server]:
    """A server that leaves all else to workers."""
    none = {**settings, "HELIOGRAPH_ROLES": "none"}
    with Server.start(tmp_path / "data", environment=none) as server:
        yield server


@pytest.fixture
def everyone(api: Server, push_service: PushService) -> list[Browser]:
    browsers = Browsers(push_service, api.instance)
    return [browsers.new(user="alice") for _ in range(DEVICES)]


def publish(api: Server) -> str:
    reply = api.instance.publish.to_users(["alice"], hello("to all"))
    assert reply.status == 200
    return str(reply.json()["publishId"])


def one_that_waits(everyone: list[Browser], push_service: PushService) -> Browser:
    """One that was found in the store, and waits until the connection is open.

    The first request of a connection goes alone.
    """
    [request] = push_service.requests(None)[-1:]
    return next(one for one in everyone if one.subscription.token != request.token)


def publish_that_waits(
    api: Server, everyone: list[Browser], push_service: PushService
) -> tuple[str, Browser]:
    """A publish whose first message is held, and one of those whose messages wait behind it."""
    push_service.hold()
    publish_id = publish(api)
    eventually(lambda: push_service.held() == 1)
    return publish_id, one_that_waits(everyone, push_service)


def assert_all_but_one_got_it(
    api: Server, report: dict[str, Any], stopped: Browser, push_service: PushService
) -> None:
    assert push_service.requests(stopped.subscription) == []
    assert (report["untied"], report["delivered"]) == (1, DEVICES - 1)
    assert NOT_ALL_WERE_ASKED not in api.log.read_text()


def seconds_of_stop(browser: Browser) -> float:
    began = time.monotonic()
    browser.stop()
    return time.monotonic() - began


def test_a_frozen_worker_that_goes_on_sends_nothing_to_a_device_that_was_stopped_meanwhile(
    api: Server, settings: dict[str, str], everyone: list[Browser], push_service: PushService
) -> None:
    with WorkerProcess.start(api.data, "worker", environment=settings) as worker:
        publish_id, stopped = publish_that_waits(api, everyone, push_service)
        with worker.frozen():
            assert seconds_of_stop(stopped) < LONGEST_S
            push_service.release()
        report = finished(api, publish_id)
        assert worker.stop() == 0
    assert_all_but_one_got_it(api, report, stopped, push_service)


def test_a_worker_that_was_killed_is_not_waited_for_longer_than_it_could_have_sent(
    api: Server, settings: dict[str, str], everyone: list[Browser], push_service: PushService
) -> None:
    with WorkerProcess.start(api.data, "first", environment=settings) as first:
        publish_id, stopped = publish_that_waits(api, everyone, push_service)
        first.kill()
    assert seconds_of_stop(stopped) < LONGEST_S
    push_service.release()
    with WorkerProcess.start(api.data, "second", environment=settings):
        report = finished(api, publish_id)
    assert_all_but_one_got_it(api, report, stopped, push_service)


def test_a_worker_that_has_ended_in_peace_is_not_waited_for(
    api: Server, settings: dict[str, str], everyone: list[Browser], nats: NatsCluster
) -> None:
    with WorkerProcess.start(api.data, "worker", environment=settings) as worker:
        assert nats.messages_in("WORKERS") == 1
        assert worker.stop() == 0
    assert nats.messages_in("WORKERS") == 0
    everyone[0].stop()


def test_without_a_broker_a_stop_is_done_all_the_same_and_the_log_tells(
    api: Server, everyone: list[Browser], nats: NatsCluster
) -> None:
    [node] = nats.nodes
    node.kill()
    assert seconds_of_stop(everyone[0]) < LONGEST_S
    assert api.cli("device", "show", everyone[0].device_id).returncode == 1
    assert NOT_ALL_WERE_ASKED in api.log.read_text()
