"""Metrics: what Prometheus scrapes is what happened, in all processes of a server."""

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from heliograph.telemetry.declared import DECLARED, Declared
from tests.apns_service import Answer, ApnsService
from tests.browsers import Browsers, hello, new_name
from tests.nats_cluster import NatsCluster
from tests.phones import iphone, set_apns_key
from tests.processes import children_of, free_port
from tests.push_service import PushService
from tests.receiver import Receiver
from tests.server import Server
from tests.telemetry.scraping import Scraped, scrape, scrape_openmetrics
from tests.waiting import eventually, finished
from tests.worker_process import WorkerProcess

CALLED = "heliograph_webhook_call_duration_seconds_count"
PUSHED = "heliograph_gateway_push_duration_seconds_count"
REQUESTED = "heliograph_http_request_duration_seconds_count"
WORKED = "heliograph_stream_message_duration_seconds_count"
TARGETS = "heliograph_targets_total"
PUBLISHES = "heliograph_publishes_total"
PATH = "/publish_api/v1/instances/{instance}/publishes"
SUFFIXES = {"counter": "_total", "histogram": "_seconds"}


@dataclass(frozen=True, slots=True)
class Watched:
    """A server, and where its figures are."""

    server: Server
    port: int

    def wait_for(self, name: str, value: float, **labels: str) -> Scraped:
        """Scrape until a figure has grown to the value."""

        def grown() -> Scraped | None:
            scraped = scrape(self.port)
            return scraped if scraped.total(name, **labels) >= value else None

        scraped = eventually(grown)
        assert scraped is not None
        return scraped


@pytest.fixture(params=["0", "2"], ids=["one process", "two worker processes"])
def workers(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def watched(tmp_path: Path, environment: dict[str, str], workers: str) -> Iterator[Watched]:
    port = free_port()
    own = {"HELIOGRAPH_METRICS": f"127.0.0.1:{port}", "HELIOGRAPH_WORKERS": workers}
    with Server.start(tmp_path / "data", environment={**environment, **own}) as server:
        yield Watched(server, port)


def test_the_figures_are_what_happened(
    watched: Watched, push_service: PushService, apns_service: ApnsService, tmp_path: Path
) -> None:
    server, instance = watched.server, watched.server.instance
    browsers, user, crowd = Browsers(push_service, instance), new_name("alice"), new_name("crowd")
    set_apns_key(server, apns_service, tmp_path)
    [token] = apns_service.new_devices(1)
    iphone(instance, token, user=user)
    browser, gone = browsers.new(user=user, interests=(crowd,)), browsers.new(interests=(crowd,))
    apns_service.answer_next(token, Answer(status=400, reason="PayloadEmpty"))
    push_service.expire(gone.subscription)

    both = {**hello("both"), "apns": {"aps": {"alert": "both"}}}
    to_users = instance.publish.to_users([user], both).json()["publishId"]
    to_interests = instance.publish.to_interests([crowd], hello("all")).json()["publishId"]
    assert instance.publish.to_users([], hello("nobody")).status == 422
    assert instance.with_key("0" * 64).publish.to_users([user], hello("no")).status == 401
    for publish_id in (to_users, to_interests):
        finished(server, publish_id)
    report = {"event": "open", "publishId": to_users, "deviceId": browser.device_id}
    for _ in range(2):
        assert instance.reporting.report({**report, "timestampSecs": 1700000000}).status == 200

    figures = watched.wait_for(WORKED, 4, outcome="done")
    assert [
        figures.total(TARGETS, platform="web", audience="users", outcome="delivered"),
        figures.total(TARGETS, platform="apns", audience="users", outcome="failed"),
        figures.total(TARGETS, platform="web", audience="interests", outcome="delivered"),
        figures.total(TARGETS, platform="web", audience="interests", outcome="removed"),
        figures.total(TARGETS),
    ] == [1, 1, 1, 1, 4]
    assert [
        figures.total(PUSHED, platform="web", verdict="delivered"),
        figures.total(PUSHED, platform="apns", verdict="drop"),
        figures.total(PUSHED, platform="web", verdict="device_gone"),
        figures.total(PUSHED),
        figures.total("heliograph_gateway_pushes_in_flight"),
    ] == [2, 1, 1, 4, 0]
    assert [
        figures.total(PUBLISHES, audience="users", outcome="accepted"),
        figures.total(PUBLISHES, audience="interests", outcome="accepted"),
        figures.total(PUBLISHES, audience="users", outcome="invalid"),
        figures.total(PUBLISHES, audience="users", outcome="unauthorized"),
        figures.total(PUBLISHES),
    ] == [1, 1, 1, 1, 4]
    assert [
        figures.total(REQUESTED, route=f"{PATH}/users", method="POST", status="2xx"),
        figures.total(REQUESTED, route=f"{PATH}/users", status="4xx"),
        figures.total(REQUESTED, route=f"{PATH}/interests", status="2xx"),
    ] == [1, 2, 1]
    assert figures.total("heliograph_reports_total", event="open", outcome="counted") == 1
    assert figures.total("heliograph_reports_total", event="open", outcome="ignored") == 1
    assert figures.total(WORKED, stream="PUBLISH", outcome="done") == 2
    assert figures.total(WORKED, stream="DELIVER-users", outcome="done") == 2


def test_calls_of_webhooks_are_counted_try_by_try(watched: Watched) -> None:
    server = watched.server
    with Receiver(secret="s3cret") as receiver:
        receiver.answer_next(500)
        options = ["--secret", "s3cret", "--events", "attempt"]
        server.json_of("webhook", "add", "--url", receiver.url, *options)
        for _ in range(2):
            server.instance.publish.to_users([new_name("nobody")], hello("hello"))
        event = {"event": "v1.PublishToUsersAttempt"}
        watched.wait_for(CALLED, 1, **event, outcome="taken")
        scraped = watched.wait_for(CALLED, 1, **event, outcome="not_taken")
    assert scraped.total(CALLED, **event) == len(receiver.received())


def test_what_waits_and_what_is_paused_shows(
    tmp_path: Path, environment: dict[str, str], apns_service: ApnsService
) -> None:
    port = free_port()
    own = {**environment, "HELIOGRAPH_METRICS": f"127.0.0.1:{port}"}
    with Server.start(tmp_path / "data", environment=own) as server:
        watched, instance = Watched(server, port), server.instance
        messages = "heliograph_stream_messages"
        assert scrape(port).total(messages) == 0
        set_apns_key(server, apns_service, tmp_path)
        [token], user = apns_service.new_devices(1), new_name("alice")
        iphone(instance, token, user=user)
        apns_service.answer_all(Answer(status=403, reason="Forbidden"))
        instance.publish.to_users([user], {"apns": {"aps": {"alert": "refused"}}})
        watched.wait_for("heliograph_retries_total", 1, platform="apns")
        figures = scrape(port)
        assert figures.total("heliograph_lanes_paused", platform="apns") == 1
        assert figures.total("heliograph_lanes_paused") == 1
        assert figures.total(messages, stream="DELIVER-users") == figures.total(messages) == 1
        waits = "heliograph_stream_oldest_message_age_seconds"
        assert 0 < figures.total(waits, stream="DELIVER-users") < 60


@pytest.mark.parametrize("workers", ["2"], indirect=True)
def test_a_worker_that_dies_is_seen_and_its_successor_counts_anew(watched: Watched) -> None:
    up = "heliograph_process_up"
    watched.wait_for(up, 3)
    [first, _] = [
        child
        for child, command in children_of(watched.server.process.pid).items()
        if "worker_process" in command
    ]

    os.kill(first, signal.SIGKILL)
    eventually(lambda: scrape(watched.port).total(up) == 2)
    figures = watched.wait_for(up, 3)
    assert figures.values_of(up, "process") == {"server", "worker-1", "worker-2"}
    assert figures.values_of("process_cpu_seconds_total", "process") == {
        "server",
        "worker-1",
        "worker-2",
    }


def test_heliograph_worker_has_figures_of_its_own(
    tmp_path: Path, environment: dict[str, str], push_service: PushService
) -> None:
    (tmp_path / "nats").mkdir()
    port = free_port()
    with NatsCluster.start(tmp_path / "nats", size=1) as nats:
        cluster = {"HELIOGRAPH_NATS_URL": nats.url, "HELIOGRAPH_NATS_REPLICAS": "1"}
        shared = {**environment, **cluster}
        api = {**shared, "HELIOGRAPH_ROLES": "none"}
        counting = {**shared, "HELIOGRAPH_METRICS": f"127.0.0.1:{port}"}
        with (
            Server.start(tmp_path / "data", environment=api) as server,
            WorkerProcess.start(server.data, "worker", environment=counting),
        ):
            Browsers(push_service, server.instance).new(user="alice")
            reply = server.instance.publish.to_users(["alice"], hello("counted"))
            assert finished(server, reply.json()["publishId"])["delivered"] == 1
            figures = eventually(lambda: scrape(port))
            assert figures.total(TARGETS, process="worker", outcome="delivered") == 1
            assert figures.total("heliograph_stream_messages") == 0


def test_nothing_is_served_unless_asked_for_and_never_by_the_api(server: Server) -> None:
    assert server.client.request("GET", "/metrics").status == 404
    assert "metrics are at" not in server.log.read_text()


def test_an_address_that_is_taken_stops_the_start(
    tmp_path: Path, environment: dict[str, str], server: Server
) -> None:
    own = {**environment, "HELIOGRAPH_METRICS": f"127.0.0.1:{server.port}"}
    with pytest.raises(RuntimeError, match=r"exit 2[^$]*--metrics HOST:PORT"):
        Server.start(tmp_path / "data", environment=own)


@pytest.mark.parametrize("workers", ["0"], indirect=True)
def test_both_formats_parse_and_no_label_can_be_made_up_from_outside(watched: Watched) -> None:
    server = watched.server
    server.client.request("GET", "/no/such/path")
    server.instance.devices.get("web-1")
    server.client.request("PROPFIND", "/health")
    figures, same = scrape(watched.port), scrape_openmetrics(watched.port)
    assert {one.name for one in figures.families} >= {one.name for one in same.families} - {
        "python"
    }
    assert {"python_info", "process_cpu_seconds_total"} <= {one.name for one in figures.samples}
    assert figures.total("heliograph_build_info") == 1
    routes = figures.values_of(REQUESTED, "route")
    assert "none" in routes
    assert not any(server.instance_id in route or "web-1" in route for route in routes)
    assert figures.total(REQUESTED, method="other", route="/health", status="4xx") == 1
    declared = {one.name for one in DECLARED}
    assert {
        one.name for one in figures.samples if one.name.startswith("heliograph")
    } <= declared | {f"{name}_{part}" for name in declared for part in ("bucket", "count", "sum")}
    labels = {name for one in DECLARED for name in one.labels}
    assert labels == {
        *("version", "route", "method", "status", "audience", "outcome", "event", "platform"),
        *("verdict", "stream", "kind"),
    }


@pytest.mark.parametrize("one", DECLARED, ids=lambda one: one.name)
def test_names_are_as_prometheus_wants_them(one: Declared) -> None:
    assert re.fullmatch(r"heliograph(_[a-z]+)+", one.name)
    assert one.name.endswith(SUFFIXES.get(one.kind, ""))
    assert one.kind == "counter" or not one.name.endswith(("_total", "_count", "_sum", "_bucket"))
    assert list(one.buckets) == sorted(one.buckets)
