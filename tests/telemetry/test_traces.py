"""Traces: from the app server's request to the gateways' answers, also across processes."""

import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.apns_service import ApnsService
from tests.browsers import Browsers, hello, new_name
from tests.phones import iphone, set_apns_key
from tests.processes import free_port
from tests.push_service import PushService
from tests.server import Server
from tests.telemetry.collector import Collector, Span, collecting
from tests.telemetry.scraping import scrape
from tests.waiting import eventually, finished

TRACED = hello("traced")
NOTHING_IMPORTED = """
import asyncio, sys
from heliograph import service
from heliograph.config import Settings
from heliograph.watching import watching

async def main():
    async with watching(Settings(), process="server"):
        print(*(name for name in sys.modules if name.startswith("opentelemetry")))

asyncio.run(main())
"""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
def settings(environment: dict[str, str], collector: Collector) -> dict[str, str]:
    tracing = {"HELIOGRAPH_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    return {**environment, **tracing}


@pytest.fixture(params=["0", "1"], ids=["one process", "a worker process"])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, settings: dict[str, str]
) -> Iterator[Server]:
    own = {**settings, "HELIOGRAPH_WORKERS": request.param}
    with Server.start(tmp_path / "data", environment=own) as running:
        yield running


def publish(
    server: Server,
    path: str,
    audience: Mapping[str, list[str]],
    *,
    payload: Mapping[str, object] = TRACED,
    sampled: bool = True,
) -> tuple[str, str, str]:
    """Publish as a traced app server does. Returns the ids of trace, span and publish."""
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    traced = {"traceparent": f"00-{trace_id}-{span_id}-{int(sampled):02}"}
    reply = server.instance.publish.send(path, {**audience, **payload}, headers=traced)
    assert reply.status == 200
    return trace_id, span_id, reply.json()["publishId"]


def only(spans: Sequence[Span], name: str) -> Span:
    [found] = [span for span in spans if span.name == name]
    return found


def test_a_publish_can_be_followed_from_the_request_to_each_gateways_answer(
    server: Server, collector: Collector, push_service: PushService
) -> None:
    browsers, user = Browsers(push_service, server.instance), new_name("alice")
    for _ in range(2):
        browsers.new(user=user)
    trace_id, caller, publish_id = publish(server, "publishes/users", {"users": [user]})
    assert finished(server, publish_id)["delivered"] == 2
    collector.wait_for(trace_id, "process DELIVER-users")
    spans = collector.trace(trace_id)

    route = "/publish_api/v1/instances/{instance}/publishes/users"
    request = only(spans, f"POST {route}")
    way = [
        request,
        only(spans, "send PUBLISH"),
        only(spans, "process PUBLISH"),
        only(spans, "send DELIVER-users"),
        only(spans, "process DELIVER-users"),
    ]
    assert [span.kind for span in way] == ["SERVER", *(["PRODUCER", "CONSUMER"] * 2)]
    assert [span.parent_id for span in way] == [caller, *(span.id for span in way[:-1])]
    pushes = [span for span in spans if span.name == "push web"]
    assert [(span.kind, span.parent_id) for span in pushes] == [("CLIENT", way[-1].id)] * 2
    assert {span.attributes["heliograph.verdict"] for span in pushes} == {"delivered"}
    assert len(spans) == 7

    assert request.attributes["http.request.method"] == "POST"
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["http.route"] == route
    batch = way[-1].attributes
    assert batch["heliograph.publish_id"] == publish_id
    assert batch["heliograph.instance_id"] == server.instance_id
    assert (batch["heliograph.targets"], batch["heliograph.targets.delivered"]) == (2, 2)
    assert batch["messaging.system"] == "nats"
    assert batch["messaging.destination.name"] == "DELIVER-users"
    assert batch["messaging.operation.type"] == "process"
    assert {span.resource["service.name"] for span in spans} == {"heliograph"}


def test_a_large_batch_is_one_span_and_what_a_caller_leaves_out_is_left_out(
    tmp_path: Path, settings: dict[str, str], collector: Collector, push_service: PushService
) -> None:
    with Server.start(tmp_path / "data", environment=settings) as server:
        browsers, crowd = Browsers(push_service, server.instance), new_name("crowd")
        for _ in range(21):
            browsers.new(interests=(crowd,))
        audience = {"interests": [crowd]}
        unsampled, _, first = publish(server, "publishes/interests", audience, sampled=False)
        assert finished(server, first)["delivered"] == 21
        trace_id, _, second = publish(server, "publishes/interests", audience)
        assert finished(server, second)["delivered"] == 21
        [batch] = collector.wait_for(trace_id, "process DELIVER-interests")
        assert batch.attributes["heliograph.targets.delivered"] == 21
        assert "push web" not in {span.name for span in collector.trace(trace_id)}
    assert collector.trace(unsampled) == []


def test_what_was_only_looked_at_leaves_no_span(
    tmp_path: Path, settings: dict[str, str], collector: Collector, apns_service: ApnsService
) -> None:
    port = free_port()
    own = {**settings, "HELIOGRAPH_METRICS": f"127.0.0.1:{port}"}
    batches = {"stream": "DELIVER-users", "outcome": "later"}
    with Server.start(tmp_path / "data", environment=own) as server:
        [token], user = apns_service.new_devices(1), new_name("alice")
        iphone(server.instance, token, user=user)
        trace_id, _, publish_id = publish(
            server, "publishes/users", {"users": [user]}, payload={"apns": {"aps": {"alert": "…"}}}
        )
        # Without a credential, it comes back again and again.
        looks = "heliograph_stream_message_duration_seconds_count"
        eventually(lambda: scrape(port).total(looks, **batches) > 0)
        set_apns_key(server, apns_service, tmp_path)
        assert finished(server, publish_id, platform="apns")["delivered"] == 1
        [done] = collector.wait_for(trace_id, "process DELIVER-users")
        assert done.attributes["heliograph.outcome"] == "done"


def test_no_id_of_a_device_or_user_and_no_payload_gets_to_the_collector(
    server: Server, collector: Collector, push_service: PushService
) -> None:
    user = new_name("alice")
    browser = Browsers(push_service, server.instance).new(user=user)
    trace_id, _, publish_id = publish(server, "publishes/users", {"users": [user]})
    finished(server, publish_id)
    collector.wait_for(trace_id, "process DELIVER-users")
    assert server.instance.customer.delete_user(user).status == 200
    eventually(lambda: any("customer_api" in span.name for span in collector.spans))
    secrets_of_it = [user, browser.device_id, browser.subscription.token, server.secret_key]
    for one in (*secrets_of_it, "traced"):
        assert one.encode() not in collector.received


def test_a_dead_collector_changes_nothing_and_is_told_once(
    tmp_path: Path, settings: dict[str, str], push_service: PushService
) -> None:
    nobody = {"HELIOGRAPH_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    quick = {"OTEL_BSP_SCHEDULE_DELAY": "20", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    own = {**settings, **nobody, **quick}
    with Server.start(tmp_path / "data", environment=own) as server:
        user = new_name("alice")
        browser = Browsers(push_service, server.instance).new(user=user)
        for _ in range(3):
            _, _, publish_id = publish(server, "publishes/users", {"users": [user]})
            assert finished(server, publish_id)["delivered"] == 1
        said = eventually(lambda: server.log.read_text().count("Failed to export"))
        assert server.stop() == 0
        assert said == server.log.read_text().count("Failed to export") == 1
    assert browser.titles() == ["traced"] * 3


def test_without_a_collector_opentelemetry_is_not_even_imported() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", NOTHING_IMPORTED], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == ""
