"""A publish to interests with a webhookUrl tells that it has started, then what became of it."""

import base64
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from heliograph.model.device import Platform
from heliograph.model.ids import Interest, new_publish_id
from heliograph.model.publish import Interests, Publish
from heliograph.model.shard import Shard
from heliograph.model.webhook import Callback, receiver_of
from heliograph.store import publishes
from heliograph.store.webhook_calls import callback_purpose
from tests.browsers import Browsers, hello, new_name
from tests.client import Instance
from tests.contract.answers import assert_refused
from tests.databases import SEAL
from tests.push_service import Answer, PushService
from tests.receiver import Received, Receiver
from tests.webhooks.office import Office, State
from tests.webhooks.test_receivers import seconds

NOT_DUE = State(0, None, None, None)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """One whose calls are not signed."""
    with Receiver(secret=None) as running:
        yield running


def with_password(receiver: Receiver) -> str:
    return receiver.url.replace("http://", "http://beams:p%40ss%3Aword@") + "?tenant=1"


def test_its_start_is_told_and_then_its_end_with_what_became_of_it(
    instance: Instance, browsers: Browsers, push_service: PushService, receiver: Receiver
) -> None:
    interest = new_name("news")
    for _ in range(2):
        browsers.new(interests=(interest,))
    failing = browsers.new(interests=(interest,))
    push_service.answer_next(failing.subscription, Answer(status=413))
    body = {"webhookUrl": with_password(receiver), **hello("news")}
    publish_id = instance.publish.to_interests([interest], body).json()["publishId"]
    started, finished = receiver.calls(2)
    told = {"interests": [interest], **hello("news"), "webhookUrl": f"{receiver.url}?tenant=1"}
    assert started.json() == {"publishId": publish_id, "status": "STARTED", "requestBody": told}
    assert finished.json() == {
        "publishId": publish_id,
        "status": "FINISHED",
        "requestBody": told,
        "results": {"web": {"numSuccessfulPublishes": 2, "numFailedPublishes": 1}},
    }
    for call in (started, finished):
        assert_unsigned(call)
        assert call.path == "/beams?tenant=1"
        assert call.headers["user-agent"] == "pusher-webhooks"
        assert call.headers["content-type"] == "application/json"
        scheme, credentials = call.headers["authorization"].split()
        assert (scheme, base64.b64decode(credentials)) == ("Basic", b"beams:p@ss:word")
    assert started.request_id != finished.request_id


def assert_unsigned(call: Received) -> None:
    assert [name for name in call.headers if "signature" in name] == []
    assert "webhook-id-uuid" not in call.headers


def test_counters_of_nothing_are_left_out(instance: Instance, receiver: Receiver) -> None:
    body = {"webhookUrl": receiver.url, **hello("news")}
    assert instance.publish.to_interests([new_name("nobodys")], body).status == 200
    _, finished = receiver.calls(2)
    assert finished.json()["results"] == {"web": {}}
    assert "authorization" not in finished.headers


async def test_the_end_is_told_after_the_start_also_if_that_was_not_taken(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answer_next(500)
    async with Office.opened(tmp_path) as office:
        await publish(office, receiver.url)
        # The end is due when the start has been taken.
        await office.until(NOT_DUE, State(1, seconds(10), None, "answered 500"))
        office.now += seconds(10)
        await office.until()
    assert [call.json()["status"] for call in receiver.received()] == [
        "STARTED",
        "STARTED",
        "FINISHED",
    ]


async def test_the_end_is_told_also_if_the_start_was_never_taken(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answer_next(*[500] * 5)
    async with Office.opened(tmp_path) as office:
        await publish(office, receiver.url)
        for tries, due in enumerate((10, 40, 160, 460), start=1):
            await office.until(NOT_DUE, State(tries, seconds(due), None, "answered 500"))
            office.now = office.began + seconds(due)
        await office.until(State(5, None, seconds(460), "answered 500"))
    assert [call.json()["status"] for call in receiver.received()][-2:] == ["STARTED", "FINISHED"]


async def publish(office: Office, url: str) -> None:
    """Let a publish to nobody come and be finished at once."""
    sealed = SEAL.close(url.encode(), callback_purpose(office.instance_id))
    made = Publish(
        id=new_publish_id(),
        instance_id=office.instance_id,
        accepted_at=office.now,
        audience=Interests((Interest("news"),)),
        payloads={Platform.WEB: {}},
        callback=Callback(sealed, receiver_of(url)),
    )
    # It goes over a stream.
    made = msgspec.json.decode(msgspec.json.encode(made), type=Publish)
    shard = Shard(platform=Platform.WEB, number=0, done=True)
    async with office.store.writing() as tx:
        assert await publishes.begin(tx, made, [shard], [], now=office.now)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/beams",
        "ftp://example.com/",
        "https://",
        "https://exa mple.com/",
        "https://example.com:65536/",
        "https://example.com\\@evil.example/",
        "https://user@example.com@evil.example/",
        "https://[::1::]/",
        "https://example.com/#here",
        "https://example.com/" + "x" * 2048,
    ],
)
def test_what_is_no_url_is_refused_with_the_field(instance: Instance, url: str) -> None:
    reply = instance.publish.to_interests(["news"], {"webhookUrl": url, **hello("news")})
    assert_refused(reply, 422, "Unprocessable Entity")
    assert reply.json()["description"].startswith("`webhookUrl`: ")
