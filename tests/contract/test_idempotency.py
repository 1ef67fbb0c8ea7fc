"""A publish that is sent again with its Idempotency-Key is accepted once."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from uuid import uuid4

import pytest

from tests.browsers import Browser, Browsers, hello, new_name
from tests.client import Instance, PublishApi, Reply
from tests.contract.answers import assert_refused, document
from tests.contract.crowd import at_once
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import finished

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def key() -> str:
    return f"order {uuid4()}"


@pytest.fixture
def user() -> str:
    return new_name("alice")


@pytest.fixture
def browser(push_service: PushService, server: Server, user: str) -> Browser:
    return Browsers(push_service, server.instance).new(user=user)


def send(
    api: PublishApi, key: str, body: Mapping[str, object], path: str = "publishes/users"
) -> Reply:
    return api.send(path, body, headers={"Idempotency-Key": key})


def assert_only(server: Server, browser: Browser, user: str, title: str) -> None:
    """Assert that the browser got this once. A later publish to it is through, so all is."""
    later = document(server.instance.publish.to_users([user], hello("later")))["publishId"]
    finished(server, later)
    assert sorted(browser.titles()) == sorted([title, "later"])


def test_a_repeat_gets_the_same_id_and_nobody_is_notified_twice(
    server: Server, browser: Browser, user: str, key: str
) -> None:
    body = {"users": [user], **hello("once")}
    first = document(send(server.instance.publish, key, body))["publishId"]
    finished(server, first)
    assert document(send(server.instance.publish, key, body))["publishId"] == first
    assert_only(server, browser, user, "once")


def test_where_it_is_told_belongs_to_what_the_key_stands_for(server: Server, key: str) -> None:
    body = {"interests": [new_name("nobodys")], **hello("once")}
    path = "publishes/interests"
    told = {**body, "webhookUrl": "https://example.invalid/"}
    first = document(send(server.instance.publish, key, told, path))["publishId"]
    assert document(send(server.instance.publish, key, told, path))["publishId"] == first
    for other in (body, {**body, "webhookUrl": "https://example.invalid/other"}):
        assert_refused(send(server.instance.publish, key, other, path), 422, "Idempotency-Key")


def test_twenty_at_the_same_moment_are_one(
    server: Server, browser: Browser, user: str, key: str
) -> None:
    body = {"users": [user], **hello("once")}
    replies = at_once([lambda: send(server.instance.publish, key, body)] * 20)
    [publish_id] = {document(reply)["publishId"] for reply in replies}
    assert finished(server, publish_id)["targets"] == 1
    assert_only(server, browser, user, "once")


def test_without_a_key_or_with_another_each_publish_is_one_of_its_own(
    instance: Instance, user: str
) -> None:
    body = {"users": [user], **hello("each")}
    replies = [instance.publish.send("publishes/users", body) for _ in range(2)]
    replies += [send(instance.publish, str(uuid4()), body) for _ in range(2)]
    assert len({document(reply)["publishId"] for reply in replies}) == 4


def test_a_repeat_may_write_its_json_otherwise(instance: Instance, user: str, key: str) -> None:
    body = {"users": [user], **hello("once")}
    first = document(send(instance.publish, key, body))
    assert document(send(instance.publish, key, dict(reversed(body.items())))) == first


@pytest.mark.parametrize("change", ["user", "payload", "path"])
def test_the_key_of_another_publish_is_refused(
    instance: Instance, user: str, key: str, change: str
) -> None:
    body: dict[str, object] = {"users": [user], "interests": ["news"], **hello("once")}
    document(send(instance.publish, key, body))
    match change:
        case "user":
            reply = send(instance.publish, key, {**body, "users": ["bob"]})
        case "payload":
            reply = send(instance.publish, key, {**body, **hello("twice")})
        case _:
            reply = send(instance.publish, key, body, "publishes/interests")
    assert_refused(reply, 422, "Idempotency-Key")
    assert key not in reply.body.decode()


def test_both_paths_to_interests_are_one(instance: Instance, key: str) -> None:
    body = {"interests": [new_name("news")], **hello("once")}
    first = document(send(instance.publish, key, body, "publishes"))
    assert document(send(instance.publish, key, body, "publishes/interests")) == first


def test_a_refused_publish_does_not_use_up_its_key(instance: Instance, user: str, key: str) -> None:
    assert_refused(send(instance.publish, key, {"users": [user]}), 422)
    too_large = {"users": [user], "web": {"data": {"text": "x" * 4000}}}
    assert_refused(send(instance.publish, key, too_large), 422)
    document(send(instance.publish, key, {"users": [user], **hello("mended")}))


def test_instances_have_keys_of_their_own(
    instance: Instance, other_instance: Instance, user: str, key: str
) -> None:
    first = document(send(instance.publish, key, {"users": [user], **hello("one")}))
    other = document(send(other_instance.publish, key, {"users": [user], **hello("other")}))
    assert first != other


def test_a_key_has_1_to_255_characters(instance: Instance, user: str) -> None:
    body = {"users": [user], **hello("once")}
    for key in (user[-1], (user * 20)[:255]):
        document(send(instance.publish, key, body))


@pytest.mark.parametrize("key", ["", "x" * 256, "ключ".encode().decode("latin-1"), "a\tb"])
def test_a_key_that_can_be_none_is_refused(instance: Instance, user: str, key: str) -> None:
    reply = send(instance.publish, key, {"users": [user], **hello("never")})
    assert_refused(reply, 422, "Idempotency-Key")


def test_after_24_hours_a_key_is_new(server: Server, user: str, key: str) -> None:
    body = {"users": [user], **hello("daily")}
    first = document(send(server.instance.publish, key, body))
    age(server, first["publishId"], DAY_MS - 60_000)
    assert document(send(server.instance.publish, key, body)) == first
    age(server, first["publishId"], 60_000)
    second = document(send(server.instance.publish, key, {"users": [user], **hello("other")}))
    assert second != first


def age(server: Server, publish_id: str, by_ms: int) -> None:
    """Have the key of a publish been used so much earlier."""
    with closing(sqlite3.connect(server.data / "heliograph.db")) as database, database:
        aged = database.execute(
            "UPDATE idempotency_keys SET accepted_at = accepted_at - ? WHERE publish_id = ?",
            (by_ms, publish_id),
        )
        assert aged.rowcount == 1
