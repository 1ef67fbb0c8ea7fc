"""The stream of live events as HTTP: its head, who gets it, what is refused, and when it ends."""

from collections.abc import Mapping
from contextlib import ExitStack
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.client import Client, Instance, Reply
from tests.contract.answers import OK, assert_refused, document, refusal_text
from tests.server import Server
from tests.watching import path_of, watching

MOST_READERS = 100
EVENTS = "/admin_api/v1/instances/{instance}/events"
HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}


def answer_to(client: Client, path: str, headers: Mapping[str, str]) -> Reply:
    """Of a stream its head alone, of a refusal all of it."""
    with client.streaming(path, headers=headers) as answer:
        received = {name.lower(): value for name, value in answer.getheaders()}
        body = b"" if answer.status == OK else answer.read()
        return Reply(status=answer.status, headers=received, body=body)


def test_its_head_lets_no_proxy_keep_it_back(instance: Instance) -> None:
    reply = answer_to(instance.client, path_of(instance), instance.publish.authorization)
    assert reply.status == OK
    assert HEADERS.items() <= reply.headers.items()
    assert "content-length" not in reply.headers


def test_a_question_for_its_head_alone_is_answered_with_that(instance: Instance) -> None:
    reply = instance.client.request(
        "HEAD", path_of(instance), headers=instance.publish.authorization
    )
    assert (reply.status, reply.body) == (OK, b"")
    assert HEADERS.items() <= reply.headers.items()


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"Authorization": "Bearer wrong"}, 401, "incorrect secret key"),
        ({"Authorization": "Basic wrong"}, 401, "incorrect secret key"),
        ({}, 400, "authorization header missing"),
    ],
)
def test_who_has_no_secret_key_is_refused(
    instance: Instance, changed: dict[str, str], status: int, words: str
) -> None:
    assert_refused(answer_to(instance.client, path_of(instance), changed), status, words)


def test_another_instance_s_key_is_refused(instance: Instance, other_instance: Instance) -> None:
    key = other_instance.publish.authorization
    assert_refused(answer_to(instance.client, path_of(instance), key), 401)
    unknown = EVENTS.format(instance=uuid4())
    assert_refused(answer_to(instance.client, unknown, key), 404, "instance")


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"user": ""}, "`user`: String length"),
        ({"user": "x" * 165}, "`user`: String length"),
        ({"device": "nonsense"}, "`device`: "),
        ({"publish": ""}, "`publish`: String length"),
        ({"kinds": ""}, "device-registered, "),
        ({"kinds": "answered,nonsense"}, "publish-finished, "),
    ],
)
def test_a_filter_that_nothing_can_fit_is_refused(
    instance: Instance, filters: dict[str, str], words: str
) -> None:
    path = path_of(instance, **filters)
    assert_refused(answer_to(instance.client, path, instance.publish.authorization), 400, words)


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(["user", "device", "publish", "kinds", "nonsense"]),
    value=st.text(max_size=200),
)
@example(name="user", value="\x00")
@example(name="user", value="\U0001f426" * 164)
@example(name="publish", value="\x00")
def test_any_filter_is_answered(instance: Instance, name: str, value: str) -> None:
    query = urlencode({name: value}, errors="surrogatepass")
    path = f"{path_of(instance)}?{query}"
    reply = answer_to(instance.client, path, instance.publish.authorization)
    assert reply.status in {OK, 400}
    if reply.status != OK:
        refusal_text(reply)


def test_one_reader_too_many_is_told_to_come_again(server: Server) -> None:
    instance = server.create_instance("crowded")
    with ExitStack() as readers:
        for _ in range(MOST_READERS - 1):
            readers.enter_context(watching(instance))
        with watching(instance):
            key = instance.publish.authorization
            refused = answer_to(instance.client, path_of(instance), key)
            assert_refused(refused, 503, "reader")
            assert int(refused.headers["retry-after"]) > 0
            # All of them are told.
            readers.pop_all().close()
        with watching(instance) as live:
            device_id = instance.devices.new("fcm")
            assert live.until("device-registered")[0]["deviceId"] == device_id


def test_it_is_kept_alive_and_ends_once_its_key_is_revoked(server: Server) -> None:
    instance = server.create_instance("revoked")
    server.json_of("instance", "rotate-key", instance.id)
    first, _ = server.json_of("instance", "show", instance.id)["secretKeys"]
    with watching(instance) as live:
        revoked = server.cli("instance", "revoke-key", instance.id, str(first["id"]))
        assert revoked.returncode == 0
        assert list(live) == []
    assert live.raw.endswith(b"\n:\n\n")


def test_the_document_has_it(server: Server) -> None:
    paths = document(server.client.request("GET", "/openapi.json"))["paths"]
    described = paths[EVENTS]["get"]
    assert list(described["responses"]["200"]["content"]) == ["text/event-stream"]
    assert set(described["responses"]) == {"200", "400", "401", "404", "429", "500", "503"}
    names = [one["name"] for one in described["parameters"]]
    assert names == ["instance", "user", "device", "publish", "kinds"]
