"""The fake push service takes what known-good clients send, and is steered as its client says."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse
from pyreqwest.client import ClientBuilder

from tests.fakes.known_good import Sender, Vapid
from tests.push_service import REPOSITORY, Answer, PushService, Subscription

JAVASCRIPT = REPOSITORY / "tests" / "javascript"
DEADLINE_S = 10
VENDORS = ("mozilla", "fcm", "apple", "wns", "unifiedpush")
SEND_WITH_WEB_PUSH = """
const {subscription, text, vapidDetails} = JSON.parse(require("fs").readFileSync(0));
const options = {vapidDetails, TTL: 60, urgency: "high", topic: "dXBkYXRl"};
require("web-push").sendNotification(subscription, text, options)
  .then(answer => console.log(answer.statusCode));
"""
START_AND_WAIT = """
import sys, time
from pathlib import Path
from tests.push_service import PushService
print(PushService.start(Path(sys.argv[1])).autopush_url, flush=True)
time.sleep(60)
"""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.01)


@pytest.mark.parametrize("vendor", VENDORS)
def test_pywebpush_is_accepted_by_every_vendor(
    fake: PushService, sender: Sender, vapid: Vapid, vendor: str
) -> None:
    subscription = fake.subscribe(vapid.public_key, vendor)
    assert sender.push(subscription, "zażółć ✓") == 201
    assert [message.text for message in fake.messages(subscription)] == ["zażółć ✓"]
    assert fake.refusals() == []


def test_pywebpush_may_send_as_much_as_fits(
    fake: PushService, sender: Sender, vapid: Vapid
) -> None:
    subscription = fake.subscribe(vapid.public_key)
    assert [sender.push(subscription, text) for text in ("zażółć ✓", "x" * 3993)] == [201, 201]
    assert [message.text for message in fake.messages(subscription)] == ["zażółć ✓", "x" * 3993]
    assert fake.refusals() == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_web_push_for_node_is_accepted_by_every_vendor(
    fake: PushService, vapid: Vapid, vendor: str
) -> None:
    subscription = fake.subscribe(vapid.public_key, vendor)
    assert (JAVASCRIPT / "node_modules").is_dir(), "run npm ci in tests/javascript"
    wish = {
        "subscription": subscription.as_json(),
        "text": "zażółć ✓",
        "vapidDetails": {
            "subject": "https://example.com/contact",
            "publicKey": vapid.public_key,
            "privateKey": vapid.private_key,
        },
    }
    sent = subprocess.run(
        [Path(sys.executable).with_name("node"), "-e", SEND_WITH_WEB_PUSH],
        cwd=JAVASCRIPT,
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(fake.ca_file)},
        input=json.dumps(wish).encode(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (sent.stdout.strip(), sent.stderr) == (b"201", b"")
    [message] = fake.messages(subscription)
    assert (message.text, message.headers["urgency"]) == ("zażółć ✓", "high")
    assert fake.refusals() == []


def test_a_message_without_payload_has_no_text(
    fake: PushService, sender: Sender, vapid: Vapid
) -> None:
    subscription = fake.subscribe(vapid.public_key)
    sender.push(subscription, "with the right Authorization")
    authorization = fake.messages(subscription)[0].headers["authorization"]
    headers = [("ttl", "0"), ("authorization", authorization)]
    assert sender.request("POST", subscription.endpoint, headers, b"")[0] == 201
    assert fake.messages(subscription)[1].text is None


def test_an_ended_or_unknown_subscription_is_gone_but_nothing_is_refused(
    fake: PushService, sender: Sender, vapid: Vapid
) -> None:
    subscription = fake.subscribe(vapid.public_key)
    fake.expire(subscription)
    unknown = f"{fake.origin}/wpush/v2/{'x' * 32}"
    malformed = f"{fake.origin}/wpush/v2/x"
    assert sender.push(subscription, "hello") == 410
    status, answer = sender.request("POST", unknown, [], b"")
    assert (status, json.loads(answer)["errno"]) == (410, 106)
    status, answer = sender.request("POST", malformed, [], b"")
    assert (status, json.loads(answer)["errno"]) == (404, 102)
    assert [request.status for request in fake.requests(subscription)] == [410]
    assert [request.status for request in fake.requests()] == [410, 410, 404]
    assert fake.messages(subscription) == []
    assert fake.refusals() == []


def test_ordered_answers_come_in_turn_and_first_those_for_the_one_subscription(
    fake: PushService, sender: Sender, vapid: Vapid
) -> None:
    subscription, other = fake.subscribe_many(vapid.public_key, 2)
    fake.answer_next(subscription, Answer(status=429, headers={"retry-after": "7"}))
    fake.answer_next_of_all(
        Answer(status=503, body="again"), Answer(status=500, delivers=True, delay_s=0.05)
    )
    assert [sender.push(subscription, "hello") for _ in range(4)] == [429, 503, 500, 201]
    assert sender.push(other, "hello") == 201
    assert [request.status for request in fake.requests(subscription)] == [429, 503, 500, 201]
    assert [message.order for message in fake.messages(subscription)] == [1, 2]
    assert fake.message_counts() == {subscription.token: 2, other.token: 1}


def test_windows_may_throttle(fake: PushService, sender: Sender, vapid: Vapid) -> None:
    subscription = fake.subscribe(vapid.public_key, "wns")
    throttled = {"retry-after": "900", "x-wns-status": "appthrottled"}
    fake.answer_next(subscription, Answer(status=406, headers=throttled))
    assert [sender.push(subscription, "hello") for _ in range(2)] == [406, 201]
    assert fake.refusals() == []


def test_held_messages_are_received_when_released(
    fake: PushService, sender: Sender, vapid: Vapid
) -> None:
    subscription, ended = fake.subscribe_many(vapid.public_key, 2)
    fake.hold()
    with ThreadPoolExecutor() as threads:
        statuses = [threads.submit(sender.push, to, "hello") for to in (subscription, ended)]
        until(lambda: fake.held() == 2)
        fake.expire(ended)
        assert fake.messages(subscription) == []
        assert [request.status for request in fake.requests(subscription)] == [None]
        fake.release()
        assert [status.result(DEADLINE_S) for status in statuses] == [201, 410]
    assert (fake.held(), len(fake.messages(subscription))) == (0, 1)


async def test_many_messages_share_one_http2_connection(fake: PushService) -> None:
    builder = ClientBuilder().add_root_certificate_pem(fake.ca_file.read_bytes())
    endpoint = f"{fake.origin}/wpush/v2/{'x' * 32}"
    async with builder.http2(enable=True).build() as client:
        assert (await client.post(endpoint).build().send()).status == 410
        async with asyncio.TaskGroup() as group:
            for _ in range(50):
                group.create_task(client.post(endpoint).build().send())
        [connection] = fake.connections()
        assert (connection.http_version, connection.requests) == ("2", 51)
        fake.cut_connections()
        assert not fake.connections()[0].is_open
        assert (await client.post(endpoint).build().send()).status == 410
    assert len(fake.connections()) == 2


def test_thousands_of_subscriptions_are_made_in_seconds(fake: PushService, vapid: Vapid) -> None:
    started = time.monotonic()
    subscriptions = fake.subscribe_many(vapid.public_key, 5000)
    assert len({subscription.endpoint for subscription in subscriptions}) == 5000
    assert time.monotonic() - started < 5


async def test_a_browser_is_sent_what_it_has_not_acknowledged(
    fake: PushService, sender: Sender, vapid: Vapid
) -> None:
    async with ClientSession() as client:
        async with client.ws_connect(fake.autopush_url) as socket:
            hello = await ask(socket, {"messageType": "hello", "use_webpush": True})
            register = {"messageType": "register", "channelID": "c1", "key": vapid.public_key + "="}
            endpoint = (await ask(socket, register))["pushEndpoint"]
        keys = fake.subscribe(vapid.public_key)
        subscription = Subscription(endpoint=endpoint, p256dh=keys.p256dh, auth=keys.auth)
        assert await asyncio.to_thread(sender.push, subscription, "later") == 201
        assert await asyncio.to_thread(sender.push, subscription, "now or never", ttl=0) == 201
        again = {"messageType": "hello", "uaid": hello["uaid"]}
        for _ in range(2):
            async with client.ws_connect(fake.autopush_url) as socket:
                assert (await ask(socket, again))["uaid"] == hello["uaid"]
                update = await socket.receive_json(timeout=DEADLINE_S)
                assert update["version"] == fake.messages(subscription)[0].version
        async with client.ws_connect(fake.autopush_url) as socket:
            await ask(socket, again)
            update = await socket.receive_json(timeout=DEADLINE_S)
            taken = {"channelID": "c1", "version": update["version"], "code": 100}
            await socket.send_json({"messageType": "ack", "updates": [taken]})
            assert await ask(socket, {}) == {}
        async with client.ws_connect(fake.autopush_url) as socket:
            await ask(socket, again)
            unregister = {"messageType": "unregister", "channelID": "c1", "code": 200}
            assert (await ask(socket, unregister))["status"] == 200
    [acknowledgement] = fake.acknowledgements(subscription)
    assert (acknowledgement.kind, acknowledgement.code) == ("ack", 100)
    assert sender.push(subscription, "hello") == 410


async def ask(socket: ClientWebSocketResponse, frame: dict[str, Any]) -> dict[str, Any]:
    await socket.send_json(frame)
    return dict(await socket.receive_json(timeout=DEADLINE_S))


def test_the_process_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", START_AND_WAIT, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline().decode().split(":")[2].partition("/")[0])
        assert accepts_connections(port)
        parent.send_signal(signal.SIGKILL)
    until(lambda: not accepts_connections(port))


def test_stop_ends_the_process_even_while_messages_are_held(tmp_path: Path, vapid: Vapid) -> None:
    with PushService.start(tmp_path) as fake, ThreadPoolExecutor() as threads:
        port = int(fake.origin.rpartition(":")[2])
        fake.hold()
        with Sender(fake, vapid) as sender:
            sent = threads.submit(sender.push, fake.subscribe(vapid.public_key), "hello")
            until(lambda: fake.held() == 1)
            fake.stop()
            with pytest.raises(OSError, match="Connection"):
                sent.result(DEADLINE_S)
    assert not accepts_connections(port)


def accepts_connections(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
