"""`heliograph serve --workers`: processes that share the work, die, are replaced, and drain."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browsers import Browsers, hello, new_name
from tests.nats_cluster import NatsCluster
from tests.postgresql import Postgresql
from tests.processes import children_of, command_lines, is_alive, process_of
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually, finished

WORKERS = 2


@pytest.fixture
def settings(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Two workers, and authorities that are the test's alone."""
    authorities = shutil.copy(environment["HELIOGRAPH_GATEWAY_CA"], tmp_path / "ca.pem")
    own = {"HELIOGRAPH_WORKERS": str(WORKERS), "HELIOGRAPH_GATEWAY_CA": str(authorities)}
    return {**environment, **own}


@pytest.fixture
def server(tmp_path: Path, settings: dict[str, str]) -> Iterator[Server]:
    with Server.start(tmp_path / "data", environment=settings) as running:
        eventually(lambda: len(working(running)) == WORKERS)
        yield running


def workers_of(server: Server) -> list[int]:
    """The process ids of its workers."""
    children = children_of(server.process.pid)
    return [child for child, command in children.items() if "worker_process" in command]


def working(server: Server) -> list[str]:
    """The numbers of the workers that said that they work, again for each time."""
    return re.findall(r"INFO worker (\d+): \S+: working: fanout, deliver", server.log.read_text())


def family_of(server: Server) -> list[int]:
    """The server and all that it has started."""
    return [server.process.pid, *children_of(server.process.pid)]


def readiness(server: Server) -> tuple[int, str]:
    reply = server.client.request("GET", "/ready")
    return reply.status, reply.body.decode()


def test_a_publish_is_delivered_by_workers_and_the_brokers_password_shows_nowhere(
    server: Server, push_service: PushService
) -> None:
    browser = Browsers(push_service, server.instance).new(user="alice")
    reply = server.instance.publish.to_users(["alice"], hello("shared"))
    assert finished(server, reply.json()["publishId"])["delivered"] == 1
    assert browser.titles() == ["shared"]
    assert len(workers_of(server)) == WORKERS
    assert sorted(working(server)) == ["1", "2"]
    configuration = (server.data / "broker" / "nats.conf").read_text()
    [password] = set(re.findall(r'password: "([^"]+)"', configuration))
    logs = [log.read_text() for log in (server.log, server.data / "broker" / "nats.log")]
    assert not any(password in text for text in (*logs, *command_lines()))


def test_workers_share_a_cluster_and_postgresql_as_they_do_what_is_embedded(
    tmp_path: Path, settings: dict[str, str], push_service: PushService, postgresql: Postgresql
) -> None:
    (tmp_path / "nats").mkdir()
    with NatsCluster.start(tmp_path / "nats", size=1) as nats:
        database = {"HELIOGRAPH_DATABASE_URL": postgresql.new_database()}
        cluster = {"HELIOGRAPH_NATS_URL": nats.url, "HELIOGRAPH_NATS_REPLICAS": "1"}
        elsewhere = {**settings, **database, **cluster}
        with Server.start(tmp_path / "data", environment=elsewhere) as server:
            browser = Browsers(push_service, server.instance).new(user="alice")
            reply = server.instance.publish.to_users(["alice"], hello("shared"))
            assert finished(server, reply.json()["publishId"])["delivered"] == 1
            assert browser.titles() == ["shared"]
            assert len(children_of(server.process.pid)) == len(workers_of(server)) == WORKERS


def test_workers_that_are_killed_are_replaced_and_repeat_only_what_was_in_flight(
    server: Server, push_service: PushService
) -> None:
    crowd, browsers = new_name("crowd"), Browsers(push_service, server.instance)
    everyone = [browsers.new(interests=(crowd,)) for _ in range(300)]
    killed = workers_of(server)
    before = sum(push_service.message_counts().values())
    push_service.hold()
    reply = server.instance.publish.to_interests([crowd], hello("once"))
    eventually(lambda: push_service.held() > 0)
    push_service.release()
    eventually(lambda: sum(push_service.message_counts().values()) > before + 50)
    for worker in killed:
        os.kill(worker, signal.SIGKILL)
    report = finished(server, reply.json()["publishId"], within_s=60)
    received = [len(browser.received()) for browser in everyone]
    assert min(received) == 1
    # No more than may be in flight at once: it is one batch, which one of them had.
    assert sum(received) - len(everyone) <= 100
    assert report["delivered"] == report["targets"] == len(everyone)
    eventually(lambda: sorted(working(server)) == ["1", "1", "2", "2"])
    assert not set(workers_of(server)) & set(killed)
    assert "ended with exit code -9, another in 0.5 s" in server.log.read_text()


def test_a_server_is_not_ready_while_none_of_its_workers_works(
    server: Server, settings: dict[str, str], tmp_path: Path
) -> None:
    authorities = Path(settings["HELIOGRAPH_GATEWAY_CA"])
    kept = authorities.rename(tmp_path / "kept.pem")
    for worker in workers_of(server):
        os.kill(worker, signal.SIGKILL)
    eventually(lambda: readiness(server)[0] == 503)
    assert "worker" in readiness(server)[1]
    # Those that take their place find that they can't start, and wait longer each time.
    for pause in ("1", "2"):
        again = f"ended with exit code 2, another in {pause} s"
        eventually(lambda again=again: again in server.log.read_text())  # type: ignore[misc]
    assert readiness(server)[0] == 503
    assert server.client.request("GET", "/health").status == 200
    kept.rename(authorities)
    eventually(lambda: readiness(server)[0] == 200)


def test_a_broker_that_dies_alone_is_found_again_by_the_workers(
    server: Server, push_service: PushService
) -> None:
    browser = Browsers(push_service, server.instance).new(user="alice")
    os.kill(process_of("nats-server --config", mentioning=f"{server.data}/"), signal.SIGKILL)

    def accepted() -> bool:
        return server.instance.publish.to_users(["alice"], hello("after")).status == 200

    eventually(accepted, within_s=30)
    assert "after" in eventually(browser.titles, within_s=40)
    assert len(working(server)) == WORKERS


def test_a_killed_server_leaves_no_process_behind_and_loses_nothing(
    server: Server, push_service: PushService
) -> None:
    browser = Browsers(push_service, server.instance).new(user="alice")
    push_service.hold()
    reply = server.instance.publish.to_users(["alice"], hello("survived"))
    eventually(lambda: push_service.held() > 0)
    family = family_of(server)
    assert len(family) == 1 + WORKERS + 1
    server.kill()
    push_service.release()
    eventually(lambda: not any(map(is_alive, family)))
    server.restart()
    assert finished(server, reply.json()["publishId"])["delivered"] == 1
    # What was in flight is sent again.
    assert set(browser.titles()) == {"survived"}


def test_a_server_that_is_stopped_lets_its_workers_finish_what_they_have_in_hand(
    server: Server, push_service: PushService
) -> None:
    browser = Browsers(push_service, server.instance).new(user="alice")
    push_service.hold()
    reply = server.instance.publish.to_users(["alice"], hello("finished"))
    eventually(lambda: push_service.held() > 0)
    family = family_of(server)
    server.process.terminate()
    eventually(lambda: server.log.read_text().count("stopping") == 1 + WORKERS)
    push_service.release()
    assert server.process.wait(60) == 0
    assert browser.titles() == ["finished"]
    assert not any(map(is_alive, family))
    server.restart()
    assert finished(server, reply.json()["publishId"])["delivered"] == 1
    assert browser.titles() == ["finished"]


def test_a_second_sigterm_ends_the_workers_too_and_loses_nothing(
    server: Server, push_service: PushService
) -> None:
    browser = Browsers(push_service, server.instance).new(user="alice")
    push_service.hold()
    reply = server.instance.publish.to_users(["alice"], hello("went on"))
    eventually(lambda: push_service.held() > 0)
    family = family_of(server)
    server.process.terminate()
    eventually(lambda: server.log.read_text().count("stopping") == 1 + WORKERS)
    assert server.stop() == 1
    eventually(lambda: not any(map(is_alive, family)))
    push_service.release()
    server.restart()
    assert finished(server, reply.json()["publishId"])["delivered"] == 1
    assert set(browser.titles()) == {"went on"}
