"""What happens is told live to those who watch: all of it, in words, to nobody else."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from uuid import uuid4

import pytest

from tests.browsers import Browsers, hello
from tests.client import Instance
from tests.nats_cluster import PASSWORD, USER, NatsCluster
from tests.push_service import Answer, PushService
from tests.receiver import Receiver
from tests.server import Server
from tests.waiting import eventually, finished
from tests.watching import Watching, path_of, summary_of, watching
from tests.worker_process import WorkerProcess


@pytest.fixture
def instance(server: Server) -> Instance:
    return server.create_instance("live")


@pytest.fixture
def browsers(push_service: PushService, instance: Instance) -> Browsers:
    return Browsers(push_service, instance)


def report(instance: Instance, event: str, publish_id: str, device_id: str) -> None:
    body = {"event": event, "publishId": publish_id, "deviceId": device_id, "timestampSecs": 1}
    assert instance.reporting.report(body).status == 200


def publish(instance: Instance, user: str) -> str:
    return str(instance.publish.to_users([user], hello("live")).json()["publishId"])


def test_the_life_of_a_device_is_told_in_its_order(instance: Instance, browsers: Browsers) -> None:
    with watching(instance) as live:
        browser = browsers.new(user="alice", interests=("news", "sport"))
        device_id = browser.device_id
        assert instance.devices.post_interest(device_id, "weather").status == 200
        assert instance.devices.delete_interest(device_id, "news").status == 200
        heard = live.until("interest-removed")
        publish_id = publish(instance, "alice")
        heard += live.until("publish-finished")
        report(instance, "delivery", publish_id, device_id)
        report(instance, "open", publish_id, device_id)
        # Counted once, told once.
        report(instance, "open", publish_id, device_id)
        browser.stop()
        assert instance.customer.delete_user("alice").status == 200
        heard += live.until("user-deleted")
    assert summary_of(heard) == [
        ("device-registered", "new, on web"),
        ("user-set", "the device is this user's"),
        ("interests-set", "news, sport"),
        ("interest-added", "weather"),
        ("interest-removed", "news"),
        ("publish-accepted", "to users: alice"),
        ("publish-fanned-out", "to 1 device on web"),
        ("batch-sent", "batch 1, 1 device on web"),
        ("answered", "delivered on web"),
        ("publish-finished", "nothing is left to do"),
        ("acknowledged", "arrived, says the device"),
        ("opened", "tapped, says the device"),
        ("device-stopped", "untied and forgotten"),
        ("user-deleted", "forgotten, with 0 devices"),
    ]
    ids = [{name: event[name] for name in event if name.endswith("Id")} for event in heard]
    of_device, of_user = {"deviceId": device_id}, {"userId": "alice"}
    of_publish = {"publishId": publish_id}
    assert ids == [
        of_device,
        {**of_device, **of_user},
        {**of_device, **of_user},
        {**of_device, **of_user},
        {**of_device, **of_user},
        of_publish,
        of_publish,
        of_publish,
        {**of_device, **of_user, **of_publish},
        of_publish,
        {**of_device, **of_publish},
        {**of_device, **of_publish},
        of_device,
        of_user,
    ]
    assert [event["at"] for event in heard] == sorted(event["at"] for event in heard)


def test_what_a_gateway_said_is_told_with_its_reason(
    instance: Instance, browsers: Browsers, push_service: PushService
) -> None:
    browser, gone = browsers.new(user="alice"), browsers.new(user="bob")
    push_service.answer_next(browser.subscription, Answer(status=413))
    push_service.expire(gone.subscription)
    with watching(instance, kinds="answered,publish-finished") as live:
        first = publish(instance, "alice")
        heard = live.until("publish-finished", publishId=first)
        second = publish(instance, "bob")
        heard += live.until("publish-finished", publishId=second)
    assert [event.get("outcome") for event in heard] == ["failed", None, "removed", None]
    assert heard[0]["words"] == "failed on web: HTTP 413"
    assert heard[2]["words"] == "removed on web: HTTP 410"


def test_a_try_that_is_repeated_is_told_with_when(
    instance: Instance, browsers: Browsers, push_service: PushService
) -> None:
    browser = browsers.new(user="alice")
    push_service.answer_next(browser.subscription, Answer(status=500))
    with watching(instance, kinds="answered") as live:
        publish(instance, "alice")
        [event] = live.until("answered")
        assert (event["outcome"], event["reason"]) == ("retried", "HTTP 500")
        assert event["againAt"] > event["at"]
        assert event["againAt"][11:19] in event["words"]
        browser.stop()


def test_a_publish_that_waits_for_a_credential_is_told_with_why(instance: Instance) -> None:
    instance.device_of("alice", "fcm")
    with watching(instance, kinds="batch-held") as live:
        instance.publish.to_users(["alice"], {"fcm": {"notification": {"title": "x"}}})
        [event] = live.until("batch-held")
    assert event["words"].startswith("nothing is sent to fcm: ")


def test_calls_of_webhooks_are_told_try_by_try(server: Server, instance: Instance) -> None:
    with Receiver(secret="s3cret") as receiver, watching(instance, kinds="webhook-called") as live:
        receiver.answer_next(500)
        options = ["--secret", "s3cret", "--events", "attempt", "--instance", instance.id]
        server.json_of("webhook", "add", "--url", receiver.url, *options)
        publish_id = publish(instance, "nobody")
        [refused] = live.until("webhook-called", publishId=publish_id)
    assert refused["words"] == "v1.PublishToUsersAttempt, try 1: answered 500"


def test_a_user_s_filter_lets_through_all_of_its_devices_and_publishes_and_nothing_else(
    instance: Instance, browsers: Browsers
) -> None:
    before = browsers.new(user="alice")
    with watching(instance, user="alice") as live:
        bob = browsers.new(user="bob", interests=("news",))
        for_bob = publish(instance, "bob")
        assert instance.devices.post_interest(before.device_id, "news").status == 200
        after = browsers.new(user="alice")
        publish_id = publish(instance, "alice")
        heard = live.until("publish-finished")
        for device in (bob, before, after):
            report(instance, "open", publish_id, device.device_id)
            device.stop()
        assert instance.customer.delete_user("alice").status == 200
        heard += live.until("user-deleted")
    kinds = [event["kind"] for event in heard]
    expected = "interest-added user-set publish-accepted publish-fanned-out batch-sent"
    expected += " answered answered publish-finished opened opened"
    expected += " device-stopped device-stopped user-deleted"
    assert sorted(kinds) == sorted(expected.split())
    assert not {bob.device_id, for_bob} & {
        value for event in heard for value in event.values() if isinstance(value, str)
    }


def test_a_publish_to_a_user_without_devices_is_told_to_who_watches_the_user(
    instance: Instance,
) -> None:
    with watching(instance, user="nobody") as live:
        many = [f"user-{number}" for number in range(999)]
        reply = instance.publish.to_users([*many, "nobody"], hello("live"))
        heard = live.until("publish-finished", publishId=reply.json()["publishId"])
    assert [event["kind"] for event in heard] == [
        "publish-accepted",
        "publish-fanned-out",
        "publish-finished",
    ]
    assert heard[0]["number"] == 1000
    assert heard[0]["names"] == many[:5]
    assert heard[1]["words"] == "to 0 devices on web"


def test_filters_of_device_and_publish_let_nothing_else_through(
    instance: Instance, browsers: Browsers
) -> None:
    one, other = browsers.new(user="alice"), browsers.new(user="alice")
    with watching(instance, device=one.device_id) as of_device:
        publish_id = publish(instance, "alice")
        with watching(instance, publish=publish(instance, "bob")) as of_publish:
            for device in (other, one):
                report(instance, "open", publish_id, device.device_id)
                device.stop()
            heard = of_device.until("device-stopped")
            assert {event["deviceId"] for event in heard} == {one.device_id}
            assert of_publish.raw == b"event: ready\ndata: {}\n"


def test_nothing_of_another_instance_is_ever_heard(
    server: Server, instance: Instance, browsers: Browsers, push_service: PushService
) -> None:
    other = server.create_instance("other")
    with watching(other) as live:
        browsers.new(user="alice")
        finished_id = publish(instance, "alice")
        finished(server, finished_id)
        mine = Browsers(push_service, other).new()
        assert live.until("device-registered")[0]["deviceId"] == mine.device_id


def test_no_event_holds_a_push_token_a_payload_or_a_key(
    instance: Instance, browsers: Browsers
) -> None:
    with watching(instance) as live:
        browser = browsers.new(user="alice", interests=("news",))
        token = browsers.new().subscription.token
        secret = f"payload-{uuid4()}"
        reply = instance.publish.to_users(["alice"], hello(secret))
        live.until("publish-finished", publishId=reply.json()["publishId"])
        said = live.raw.decode()
    subscription = browser.subscription
    secrets = [secret, token, subscription.token, subscription.p256dh, subscription.auth]
    secrets += [subscription.endpoint, instance.secret_key, instance.token("alice")[:40]]
    assert [one for one in secrets if one in said] == []
    assert browser.device_id in said


ENOUGH = 800
"""Publishes, that there is no more room for their events on a connection that nobody reads."""
MANY = ENOUGH + 400
"""Nor in the server."""


@pytest.fixture
def busy_server(tmp_path: Path, environment: dict[str, str]) -> Iterator[Server]:
    """A server that takes publishes as fast as they come, and lets nobody in hand go in an hour."""
    own = {"HELIOGRAPH_PUBLISH_RATE": "0", "HELIOGRAPH_DRAIN": "3600"}
    with Server.start(tmp_path / "data", environment={**environment, **own}) as running:
        yield running


def publish_many(instance: Instance, number: int) -> None:
    """To nobody; each makes three events, a large one first, as the kernel keeps some megabytes."""
    names = [first + 163 * "\U0001f426" for first in "abcde"]
    with ThreadPoolExecutor(4) as threads:
        replies = threads.map(instance.publish.to_users, [names] * number)
        assert {reply.status for reply in replies} == {200}


def test_who_stops_reading_is_told_how_many_it_lost_and_publishes_go_on(
    busy_server: Server, push_service: PushService
) -> None:
    instance = busy_server.instance
    browser = Browsers(push_service, instance).new(interests=("news",))
    with watching_with_little_room(busy_server) as live:
        publish_many(instance, MANY)
        reply = instance.publish.to_interests(["news"], hello("meanwhile"))
        assert finished(busy_server, reply.json()["publishId"])["delivered"] == 1
        assert browser.titles() == ["meanwhile"]
        heard, happened = 0, 3 * MANY + 5
        while heard + live.lost < happened:
            name, _ = live.next() or ("the end", {})
            assert name in {"", "lost"}
            heard += name == ""
    assert live.lost > 0


@contextmanager
def watching_with_little_room(server: Server, **filters: str) -> Iterator[Watching]:
    """Watch its first instance over a connection that keeps next to nothing that is not read."""
    instance = server.instance
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(30)
        connection.connect(("127.0.0.1", server.port))
        # In HTTP/1.0 the body comes as it is.
        head = f"GET {path_of(instance, **filters)} HTTP/1.0"
        key = f"Authorization: {instance.publish.authorization['Authorization']}"
        connection.sendall(f"{head}\r\n{key}\r\n\r\n".encode())
        with connection.makefile("rb") as answer:
            assert b" 200 " in answer.readline()
            while answer.readline().strip():
                pass
            watched = Watching(answer)
            assert watched.next() == ("ready", {})
            yield watched


def test_a_server_stops_though_readers_are_connected_that_read_or_do_not(
    busy_server: Server,
) -> None:
    kinds = "publish-accepted"
    with (
        watching(busy_server.instance, kinds=kinds) as live,
        watching_with_little_room(busy_server, kinds=kinds),
    ):
        publish_many(busy_server.instance, ENOUGH)
        assert len(list(islice(live, ENOUGH))) == ENOUGH
        assert busy_server.stop() == 0
        assert (list(live), live.lost) == ([], 0)
    log = busy_server.log.read_text()
    assert "Traceback" not in log
    assert "ERROR" not in log


@pytest.fixture
def nats_cluster(tmp_path: Path) -> Iterator[NatsCluster]:
    (tmp_path / "nats").mkdir()
    with NatsCluster.start(tmp_path / "nats", size=1) as running:
        yield running


@pytest.fixture
def shared(nats_cluster: NatsCluster, environment: dict[str, str]) -> dict[str, str]:
    """The settings of a server and workers on one NATS server."""
    named = {"HELIOGRAPH_NATS_URL": nats_cluster.url, "HELIOGRAPH_NATS_REPLICAS": "1"}
    return {**environment, **named}


def test_what_happens_in_workers_elsewhere_is_told_also_by_one_that_joins(
    tmp_path: Path, shared: dict[str, str], push_service: PushService
) -> None:
    none = {**shared, "HELIOGRAPH_ROLES": "none"}
    with Server.start(tmp_path / "data", environment=none) as server:
        Browsers(push_service, server.instance).new(user="alice")
        with watching(server.instance) as live:
            for name in ("first", "second"):
                with WorkerProcess.start(server.data, name, environment=shared):
                    publish_id = publish(server.instance, "alice")
                    heard = live.until("publish-finished", publishId=publish_id)
                    kinds = {event["kind"] for event in heard}
                    assert {"publish-fanned-out", "batch-sent", "answered"} <= kinds


def test_what_happens_in_workers_beside_the_server_is_told(
    tmp_path: Path, environment: dict[str, str], push_service: PushService
) -> None:
    two = {**environment, "HELIOGRAPH_WORKERS": "2"}
    with Server.start(tmp_path / "data", environment=two) as server:
        Browsers(push_service, server.instance).new(user="alice")
        with watching(server.instance, kinds="answered") as live:
            publish_id = publish(server.instance, "alice")
            [event] = live.until("answered", publishId=publish_id)
            assert event["outcome"] == "delivered"


class Eavesdropper:
    """Hears all live events that are sent through a NATS server, and who is said to be watched."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")
        self._lines.readline()
        known = json.dumps({"user": USER, "pass": PASSWORD, "verbose": False, "pedantic": False})
        self._connection.sendall(f"CONNECT {known}\r\nSUB live.> 1\r\n".encode())
        assert self.heard() == set()

    def heard(self) -> set[str]:
        """The subjects of all messages since the last time."""
        subjects = set[str]()
        self._connection.sendall(b"PING\r\n")
        while (line := self._lines.readline().split())[0] != b"PONG":
            if line[0] == b"PING":
                self._connection.sendall(b"PONG\r\n")
            else:
                subjects.add(line[1].decode())
                self._lines.read(int(line[-1]) + 2)
        return subjects


def test_nothing_is_sent_to_the_broker_unless_somebody_watches_that_instance(
    tmp_path: Path, shared: dict[str, str], nats_cluster: NatsCluster
) -> None:
    with (
        Server.start(tmp_path / "data", environment=shared) as server,
        socket.create_connection(("127.0.0.1", nats_cluster.nodes[0].port), 30) as connection,
    ):
        instance, other = server.instance, server.create_instance("other")
        eavesdropper = Eavesdropper(connection)

        def sent() -> set[str]:
            for _ in range(20):
                instance.devices.new("fcm")
            return eavesdropper.heard()

        assert sent() == set()
        with watching(other):
            assert sent() == {"live.watched"}
        with watching(instance):
            assert sent() == {"live.watched", f"live.of.{instance.id}"}
        eventually(lambda: not sent())
