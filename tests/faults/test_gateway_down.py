"""A gateway that is down: all arrives once it is back, each once, and nobody else waits.

For a moment only, or for as long as HELIOGRAPH_TEST_OUTAGE_S says: HELIOGRAPH_TEST_OUTAGE_S=600 for
ten minutes, which take up to half an hour, since the tries become rare.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.apns_service import ApnsService
from tests.browsers import Browsers, hello, new_name
from tests.phones import iphone, set_apns_key
from tests.processes import cpu_seconds
from tests.push_service import PushService
from tests.relay import Relay
from tests.server import Server
from tests.waiting import eventually, finished

PHONES, PUBLISHES = 20, 10
OUTAGE_S = float(os.environ.get("HELIOGRAPH_TEST_OUTAGE_S", "0"))
MOST_TRIES = 10
"""After 10 s, doubling, each up to half as much sooner, within ten minutes."""
ALERT = {"apns": {"aps": {"alert": "hello"}}}


@pytest.fixture
def relay(apns_service: ApnsService) -> Iterator[Relay]:
    with Relay(urlsplit(apns_service.url).port or 443) as running:
        yield running


@pytest.fixture
def server(relay: Relay, tmp_path: Path, environment: dict[str, str]) -> Iterator[Server]:
    changed = {**environment, "HELIOGRAPH_APNS_URL": relay.url}
    with Server.start(tmp_path / "data", environment=changed) as running:
        yield running


@pytest.mark.timeout(60 + 4 * OUTAGE_S)
def test_all_arrives_once_the_gateway_is_back_and_others_did_not_wait(
    server: Server,
    relay: Relay,
    apns_service: ApnsService,
    push_service: PushService,
    tmp_path: Path,
) -> None:
    set_apns_key(server, apns_service, tmp_path)
    user, tokens = new_name("alice"), apns_service.new_devices(PHONES)
    for token in tokens:
        iphone(server.instance, token, user=user)
    browser = Browsers(push_service, server.instance).new(user=user)
    elsewhere = server.create_instance("shop")
    other = Browsers(push_service, elsewhere).new(user=user)
    relay.go_down()
    replies = [server.instance.publish.to_users([user], ALERT) for _ in range(PUBLISHES)]
    eventually(lambda: relay.refused)
    # A platform of the same instance, and another instance.
    for one in (browser, other):
        assert one.instance.publish.to_users([user], hello("meanwhile")).status == 200
        eventually(one.titles)
    assert apns_service.message_counts().get(tokens[0], 0) == 0
    # A few answers speak for the whole gateway, and what waits does not go round and round.
    assert relay.refused <= PHONES
    before = cpu_seconds(server.process.pid)
    time.sleep(OUTAGE_S)
    # It waits, and does not ask again and again.
    assert relay.refused <= PHONES + PHONES * PUBLISHES * min(MOST_TRIES, OUTAGE_S)
    assert cpu_seconds(server.process.pid) - before <= 1 + 0.1 * OUTAGE_S
    relay.come_back()
    for reply in replies:
        report = finished(
            server, reply.json()["publishId"], platform="apns", within_s=60 + 2 * OUTAGE_S
        )
        assert (report["targets"], report["delivered"]) == (PHONES, PHONES)
    assert apns_service.message_counts() == dict.fromkeys(tokens, PUBLISHES)
