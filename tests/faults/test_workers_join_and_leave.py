"""Workers on their own: they share the work of a server, come and go, and die."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browsers import Browsers, hello, new_name
from tests.nats_cluster import NatsCluster
from tests.push_service import PushService
from tests.server import HELIOGRAPH, Server
from tests.waiting import eventually, finished
from tests.worker_process import WorkerProcess

DEVICES = 300


@pytest.fixture
def api(tmp_path: Path, settings: dict[str, str]) -> Iterator[Server]:
    """A server that accepts publishes, and leaves all else to workers."""
    none = {**settings, "HELIOGRAPH_ROLES": "none"}
    with Server.start(tmp_path / "data", environment=none) as server:
        yield server


def test_a_worker_killed_in_the_middle_of_a_publish_leaves_the_rest_to_one_that_joins(
    api: Server, settings: dict[str, str], push_service: PushService
) -> None:
    crowd, browsers = new_name("crowd"), Browsers(push_service, api.instance)
    everyone = [browsers.new(interests=(crowd,)) for _ in range(DEVICES)]
    push_service.hold()
    before = sum(push_service.message_counts().values())
    with (
        WorkerProcess.start(api.data, "first", environment=settings) as first,
        WorkerProcess.start(
            api.data, "fanout", environment={**settings, "HELIOGRAPH_ROLES": "fanout"}
        ),
    ):
        reply = api.instance.publish.to_interests([crowd], hello("once"))
        eventually(lambda: push_service.held() > 0)
        with WorkerProcess.start(api.data, "second", environment=settings):
            push_service.release()
            eventually(lambda: sum(push_service.message_counts().values()) > before + 50)
            first.kill()
            report = finished(api, reply.json()["publishId"], within_s=60)
    received = [len(browser.received()) for browser in everyone]
    assert min(received) == 1
    # No more than may be in flight at once, of all batches together.
    assert sum(received) - len(everyone) <= 200
    assert report["delivered"] == report["targets"] == len(everyone)


def test_a_worker_that_is_stopped_finishes_what_it_has_in_hand(
    api: Server, settings: dict[str, str], push_service: PushService
) -> None:
    browser = Browsers(push_service, api.instance).new(user="alice")
    push_service.hold()
    with WorkerProcess.start(api.data, "worker", environment=settings) as worker:
        reply = api.instance.publish.to_users(["alice"], hello("finished"))
        eventually(lambda: push_service.held() > 0)
        worker.process.terminate()
        eventually(lambda: "stopping" in worker.log.read_text())
        push_service.release()
        assert worker.ended() == 0
    assert browser.titles() == ["finished"]
    assert finished(api, reply.json()["publishId"])["delivered"] == 1


def test_what_roles_a_process_has_not_waits_for_one_that_has(
    api: Server, settings: dict[str, str], push_service: PushService
) -> None:
    browser = Browsers(push_service, api.instance).new(user="alice")
    reply = api.instance.publish.to_users(["alice"], hello("at last"))
    fanout = {**settings, "HELIOGRAPH_ROLES": "fanout"}
    deliver = {**settings, "HELIOGRAPH_ROLES": "deliver"}
    publish_id = reply.json()["publishId"]
    assert api.cli("publish", "show", publish_id).returncode == 1
    with WorkerProcess.start(api.data, "fanout", environment=fanout):
        eventually(lambda: api.cli("publish", "show", publish_id).returncode == 0)
    assert browser.titles() == []
    with WorkerProcess.start(api.data, "deliver", environment=deliver):
        assert finished(api, publish_id)["delivered"] == 1
    assert browser.titles() == ["at last"]


def test_the_batches_of_a_deleted_instance_are_forgotten_by_all_workers(
    api: Server, nats: NatsCluster, settings: dict[str, str], push_service: PushService
) -> None:
    with (
        WorkerProcess.start(api.data, "first", environment=settings) as first,
        WorkerProcess.start(api.data, "second", environment=settings) as second,
    ):
        shop = api.create_instance("shop")
        browser = Browsers(push_service, shop).new(user="alice")
        reply = shop.publish.to_users(["alice"], hello("before"))
        assert finished(api, reply.json()["publishId"])["delivered"] == 1
        mine = f"deliver-users-web-{shop.id}"
        assert mine in nats.consumers_of("DELIVER-users")
        assert api.cli("instance", "delete", shop.id, "--yes").returncode == 0
        eventually(lambda: mine not in nats.consumers_of("DELIVER-users"))
        user = new_name("bob")
        Browsers(push_service, api.instance).new(user=user)
        reply = api.instance.publish.to_users([user], hello("after"))
        assert finished(api, reply.json()["publishId"])["delivered"] == 1
        assert (first.stop(), second.stop()) == (0, 0)
        logs = [first.log.read_text(), second.log.read_text()]
    assert mine not in nats.consumers_of("DELIVER-users")
    assert browser.titles() == ["before"]
    assert not any("the broker is not available" in log for log in logs), logs


def test_a_second_sigterm_ends_a_worker_at_once_and_another_goes_on_with_its_work(
    api: Server, settings: dict[str, str], push_service: PushService
) -> None:
    browser = Browsers(push_service, api.instance).new(user="alice")
    push_service.hold()
    with WorkerProcess.start(api.data, "worker", environment=settings) as worker:
        reply = api.instance.publish.to_users(["alice"], hello("taken over"))
        eventually(lambda: push_service.held() > 0)
        worker.process.terminate()
        eventually(lambda: "stopping" in worker.log.read_text())
        assert worker.stop() == 1
    push_service.release()
    with WorkerProcess.start(api.data, "other", environment=settings):
        assert finished(api, reply.json()["publishId"])["delivered"] == 1
    # What was in flight is sent again.
    assert set(browser.titles()) == {"taken over"}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ((), "Set --nats-url"),
        (("--nats-url", "nats://127.0.0.1:1", "--roles", ""), "Set --roles to some of"),
        (("--nats-url", "nats://127.0.0.1:1"), "there is no Heliograph data"),
        (("--roles", "settle"), "--roles must be some of fanout,deliver,webhook"),
        (("--nats-url", "nats://me:s3cret@a:port"), "--nats-url must be like nats://"),
    ],
)
def test_a_worker_that_could_do_nothing_is_refused_with_what_to_set(
    tmp_path: Path, options: tuple[str, ...], problem: str
) -> None:
    command = [str(HELIOGRAPH), "worker", "--data", str(tmp_path / "none"), *options]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 2
    assert problem in refused.stderr
    assert "s3cret" not in refused.stderr
    assert not (tmp_path / "none").exists()
