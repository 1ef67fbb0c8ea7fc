"""Who asks too often is told when to come back, and takes nothing from others.

The rate here is one request a second, and all calls of a test are made at once: of so many, some
are refused on the slowest of machines.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from tests.client import HELLO, Instance, Reply
from tests.contract.answers import assert_refused
from tests.contract.crowd import at_once
from tests.server import Server
from tests.waiting import eventually

MANY = 40


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes one request a second: publishes at once, of devices after ten."""
    data = tmp_path_factory.mktemp("strict") / "data"
    limits = {
        "HELIOGRAPH_PUBLISH_RATE": "1",
        "HELIOGRAPH_DEVICE_RATE": "1",
        "HELIOGRAPH_TRUSTED_PROXIES": "127.0.0.1/32",
    }
    with Server.start(data, environment=limits) as server:
        yield server


@pytest.fixture
def fresh(strict: Server) -> Instance:
    """An instance that nobody has asked anything."""
    return strict.create_instance(f"fresh-{uuid4()}")


def from_address(address: str) -> dict[str, str]:
    """The headers of a request that the proxy passes on for a client."""
    return {"X-Forwarded-For": address, "Origin": "https://app.example"}


def statuses(calls: Sequence[Callable[[], Reply]]) -> list[int]:
    return [reply.status for reply in at_once(calls)]


def publish(instance: Instance, *, key: str | None = None, address: str = "192.0.2.1") -> Reply:
    sender = instance if key is None else instance.with_key(key)
    body = {"users": ["nobody"], **HELLO}
    return sender.publish.send("publishes/users", body, headers=from_address(address))


def register(instance: Instance, address: str) -> Reply:
    body = {"token": "abcdef", "bundleIdentifier": "com.example.app"}
    path = f"{instance.devices.base}/devices/apns"
    return instance.client.request("POST", path, json=body, headers=from_address(address))


def report_rubbish(instance: Instance, address: str) -> Reply:
    path = f"{instance.reporting.base}/events"
    return instance.client.request("POST", path, json={}, headers=from_address(address))


def assert_rate_limited(replies: list[Reply]) -> None:
    [refused, *_] = [reply for reply in replies if reply.status == 429]
    assert_refused(refused, 429, "rate limited")
    assert int(refused.headers["retry-after"]) >= 1
    # Else a browser would keep the answer from the SDK.
    assert refused.headers["access-control-allow-origin"] == "*"


def test_an_instance_over_its_rate_is_told_to_wait_and_then_accepted(fresh: Instance) -> None:
    replies = at_once([lambda: publish(fresh)] * MANY)
    assert {reply.status for reply in replies} == {200, 429}
    assert_rate_limited(replies)
    eventually(lambda: publish(fresh).status == 200)


def test_one_instance_takes_nothing_from_another(fresh: Instance, strict: Server) -> None:
    other = strict.create_instance("other")
    assert 429 in statuses([lambda: publish(fresh)] * MANY)
    assert publish(other).status == 200


def test_users_are_deleted_at_the_rate_of_publishes(fresh: Instance) -> None:
    calls = [lambda: fresh.customer.delete_user("nobody")] * MANY
    assert set(statuses(calls)) == {200, 429}


def test_who_has_not_the_secret_key_uses_up_its_own_rate_alone(fresh: Instance) -> None:
    guess = "0" * 64
    replies = at_once([lambda: publish(fresh, key=guess, address="192.0.2.7")] * MANY)
    assert {reply.status for reply in replies} == {401, 429}
    assert_rate_limited(replies)
    # Not even from the same address: behind a proxy that is not known as one, all have the same.
    assert publish(fresh, address="192.0.2.7").status == 200


def test_devices_at_one_address_are_told_to_wait_and_others_are_not(fresh: Instance) -> None:
    replies = at_once([lambda: register(fresh, "192.0.2.8")] * MANY)
    assert {reply.status for reply in replies} == {200, 429}
    assert [reply.status for reply in replies].count(200) >= 10
    assert_rate_limited(replies)
    assert register(fresh, "192.0.2.9").status == 200


def test_all_addresses_of_an_ipv6_network_are_one_client(fresh: Instance) -> None:
    calls = [partial(register, fresh, f"2001:db8:1:2::{n:x}") for n in range(MANY)]
    assert set(statuses(calls)) == {200, 429}
    assert register(fresh, "2001:db8:1:3::1").status == 200


def test_reports_beyond_the_rate_are_dropped_with_200(fresh: Instance) -> None:
    """What can't be read gets 400, so 200 says that nobody looked."""
    calls = [lambda: report_rubbish(fresh, "192.0.2.10")] * MANY
    assert set(statuses(calls)) == {200, 400}
    assert register(fresh, "192.0.2.10").status == 200


def test_health_is_told_as_often_as_it_is_asked(strict: Server) -> None:
    for path in ("/health", "/ready"):
        calls = [partial(strict.client.request, "GET", path)] * MANY
        assert set(statuses(calls)) == {200}


def test_a_rate_that_is_no_number_stops_the_start(tmp_path: Path, strict: Server) -> None:
    refused = strict.cli("serve", "--data", str(tmp_path / "data"), "--publish-rate", "many")
    assert refused.returncode == 2
    assert "--publish-rate must be a number" in refused.stderr
