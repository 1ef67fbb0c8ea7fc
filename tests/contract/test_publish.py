"""Publishes are accepted or refused, and say what is wrong. Delivery is tested elsewhere."""

import json
import re
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.client import HELLO, Instance, PublishApi, Reply
from tests.contract.answers import assert_refused, document

PUBLISH_ID = "pubid-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
INTERESTS_PATHS = ["publishes/interests", "publishes"]
PATHS = [*INTERESTS_PATHS, "publishes/users"]
KIB = 1024


@pytest.fixture(scope="session")
def api(instance: Instance) -> PublishApi:
    return instance.publish


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=INTERESTS_PATHS)
def interests_path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def recipients(path: str) -> dict[str, object]:
    """Return somebody to publish to who doesn't exist."""
    nobody = str(uuid4())
    return {"users": [nobody]} if path.endswith("users") else {"interests": [nobody]}


def body_of(path: str, **changes: object) -> dict[str, object]:
    return {**recipients(path), **HELLO, **changes}


def assert_accepted(reply: Reply) -> str:
    publish_id = document(reply)["publishId"]
    assert re.fullmatch(PUBLISH_ID, publish_id)
    return str(publish_id)


def test_a_publish_gets_an_id_of_its_own(api: PublishApi, path: str) -> None:
    body = body_of(path)
    publish_ids = {assert_accepted(api.send(path, body)) for _ in range(5)}
    assert len(publish_ids) == 5


def test_a_publish_to_a_user_with_devices_is_accepted(instance: Instance, user_id: str) -> None:
    for platform in ("apns", "fcm", "web"):
        instance.device_of(user_id, platform)
    assert_accepted(instance.publish.to_users([user_id]))


# Who may publish


def request(instance: Instance, path: str, headers: dict[str, str]) -> Reply:
    url = f"{instance.publish.base}/{path}"
    return instance.client.request("POST", url, json=body_of(path), headers=headers)


def test_the_authorization_is_required(instance: Instance, path: str) -> None:
    assert_refused(request(instance, path, {}), 400, "authorization")


def test_a_wrong_secret_key_is_refused(instance: Instance, path: str) -> None:
    for key in ("wrong", instance.secret_key[:-1], f"{instance.secret_key}0"):
        reply = request(instance, path, {"Authorization": f"Bearer {key}"})
        assert_refused(reply, 401, "incorrect secret key")


def test_an_unknown_instance_is_refused(instance: Instance, path: str) -> None:
    nowhere = PublishApi(instance.client, str(uuid4()), instance.secret_key)
    assert_refused(nowhere.send(path, body_of(path)), 404, "instance")


@pytest.mark.parametrize("below", ["", "/", "/publish", "/publishes/everyone", "/publishes/users/"])
def test_an_unknown_route_is_refused(instance: Instance, below: str) -> None:
    reply = instance.client.request(
        "POST",
        f"{instance.publish.base}{below}",
        json=body_of("publishes/users"),
        headers=instance.publish.authorization,
    )
    assert_refused(reply, 404)


# The body as such


@pytest.mark.parametrize("body", [b"", b"{", b"not JSON", b"\xff", b'{"users": ["a"],}'])
def test_a_body_that_is_no_json_is_refused(api: PublishApi, path: str, body: bytes) -> None:
    assert_refused(api.send_bytes(path, body), 400)


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"null", b"true"])
def test_a_body_that_is_no_object_is_refused(api: PublishApi, path: str, body: bytes) -> None:
    assert_refused(api.send_bytes(path, body), 400)


def test_the_content_type_is_json(api: PublishApi, path: str) -> None:
    body = json.dumps(body_of(path)).encode()
    assert_refused(api.send_bytes(path, body, content_type="text/plain"), 400, "content")
    assert_accepted(api.send_bytes(path, body, content_type="application/json; charset=utf-8"))


def padded(path: str, size: int) -> bytes:
    """Return a good body of exactly this many bytes, most of them blanks."""
    return json.dumps(body_of(path)).ljust(size).encode()


@pytest.mark.parametrize(
    ("path", "limit"), [*((each, 10 * KIB) for each in INTERESTS_PATHS), (PATHS[-1], 200 * KIB)]
)
def test_a_body_may_be_as_large_as_the_limit_and_no_larger(
    api: PublishApi, path: str, limit: int
) -> None:
    assert_accepted(api.send_bytes(path, padded(path, limit)))
    assert_refused(api.send_bytes(path, padded(path, limit + 1)), 400)
    assert_refused(api.send_bytes(path, padded(path, KIB * KIB)), 400)


def test_a_body_of_unknown_length_has_the_same_limit(api: PublishApi, path: str) -> None:
    def in_chunks(body: bytes) -> Iterator[bytes]:
        yield from (body[start : start + 1000] for start in range(0, len(body), 1000))

    assert_accepted(api.send_bytes(path, in_chunks(padded(path, 9 * KIB))))
    assert_refused(api.send_bytes(path, in_chunks(padded(path, 201 * KIB))), 400)


def test_unknown_keys_are_ignored(api: PublishApi, path: str) -> None:
    assert_accepted(api.send(path, body_of(path, somethingElse={"a": [1, None]})))


def test_the_key_of_the_other_path_is_ignored(api: PublishApi, path: str) -> None:
    """The Go SDK sends both when an app uses the same map twice."""
    assert_accepted(api.send(path, {"users": ["a"], "interests": ["a"], **HELLO}))
    foreign = "interests" if path.endswith("users") else "users"
    assert_accepted(api.send(path, body_of(path, **{foreign: []})))


# Interests


def test_interests_are_required(api: PublishApi, interests_path: str) -> None:
    reply = api.send(interests_path, {"users": ["a"], **HELLO})
    assert_refused(reply, 422, "`interests`: interests is required")


def test_a_publish_has_1_to_100_interests(api: PublishApi, interests_path: str) -> None:
    interests = [f"interest-{number}" for number in range(101)]
    assert_refused(api.send(interests_path, {"interests": [], **HELLO}), 422, "`interests`")
    assert_refused(api.send(interests_path, {"interests": interests, **HELLO}), 422, "`interests`")
    assert_accepted(api.send(interests_path, {"interests": interests[:100], **HELLO}))


@pytest.mark.parametrize("interest", ["a" * 164, "a_-=@,.;Z9", "0", "."])
def test_a_good_interest_is_accepted(api: PublishApi, interest: str) -> None:
    assert_accepted(api.to_interests([interest]))


@pytest.mark.parametrize(
    "interest", ["a" * 165, "", "a:b", "a b", "a/b", "é", "a\n", "\u0000", 5, None]
)
def test_a_bad_interest_is_refused_and_named(api: PublishApi, interest: object) -> None:
    assert_refused(api.to_interests([interest]), 422, "`interests.0`")
    assert_refused(api.to_interests(["good", interest]), 422, "`interests.1`")


def test_a_bad_interest_is_told_the_pattern(api: PublishApi) -> None:
    reply = api.to_interests(["a:b"])
    assert_refused(reply, 422, r"`interests.0`: Does not match pattern '^[a-zA-Z0-9_\-=@,.;]+$'")


def test_duplicate_interests_are_refused(api: PublishApi) -> None:
    assert_refused(api.to_interests(["a", "b", "a"]), 422, "`interests`", "items must be unique")


@pytest.mark.parametrize("interests", ["news", {"a": "b"}, None, 7])
def test_interests_that_are_no_list_are_refused(api: PublishApi, interests: object) -> None:
    assert_refused(api.to_interests(interests), 422, "`interests`")


# Users


def test_users_are_required(api: PublishApi) -> None:
    reply = api.send("publishes/users", {"interests": ["a"], **HELLO})
    assert_refused(reply, 422, "`users`: users is required")


def test_a_publish_has_1_to_1000_users(api: PublishApi) -> None:
    users = [f"user-{number}" for number in range(1001)]
    assert_refused(api.to_users([]), 422, "`users`")
    assert_refused(api.to_users(users), 422, "`users`")
    assert_accepted(api.to_users(users[:1000]))


@pytest.mark.parametrize("character", ["a", "é", "🔆"])
def test_a_user_id_has_1_to_164_characters_of_any_size(api: PublishApi, character: str) -> None:
    assert_accepted(api.to_users([character * 164]))
    assert_refused(api.to_users(["good", character * 165]), 422, "`users.1`")


@pytest.mark.parametrize("user", ["", 5, None, ["a"], {"id": "a"}, True])
def test_a_bad_user_id_is_refused_and_named(api: PublishApi, user: object) -> None:
    assert_refused(api.to_users([user]), 422, "`users.0`")


def test_duplicate_users_are_refused(api: PublishApi) -> None:
    reply = api.to_users(["a", "b", "a"])
    assert_refused(reply, 422, "`users`: array items must be unique")


@pytest.mark.parametrize("users", ["alice", {"a": "b"}, None, 7])
def test_users_that_are_no_list_are_refused(api: PublishApi, users: object) -> None:
    assert_refused(api.to_users(users), 422, "`users`")


# Payloads


def test_a_payload_is_required(api: PublishApi, path: str) -> None:
    assert_refused(api.send(path, recipients(path)), 422)
    assert_refused(api.send(path, {**recipients(path), "windows": {}}), 422)


@pytest.mark.parametrize("value", ["text", [], 7, True])
def test_a_payload_is_an_object(api: PublishApi, path: str, platform: str, value: object) -> None:
    assert_refused(api.send(path, {**recipients(path), platform: value}), 422, platform)


@pytest.mark.parametrize(
    "payload",
    [
        {"apns": {"aps": {"alert": "Hello"}}},
        {"apns": {"aps": {"alert": {"title": "Hello"}, "badge": 1, "sound": "default"}}},
        {"apns": {"aps": {"content-available": 1}, "data": {"a": {"b": [1]}}}},
        {"apns": {"aps": {}, "collapse_id": "a", "expiration": 1, "priority": 5, "mine": 1}},
        {"apns": {"aps": {"alert": "Hi"}, "pusher": {"disable_delivery_tracking": True}}},
        {"fcm": {"notification": {"title": "Hello", "body": "Hello, world!"}}},
        {"fcm": {"data": {"a": "b", "c": 1}, "time_to_live": 60, "priority": "high"}},
        {"web": {"notification": {"title": "Hello", "deep_link": "https://example.com"}}},
        {"web": {"notification": {"hide_notification_if_site_has_focus": True}}},
        {"web": {"data": {"a": "b"}}},
        {"apns": {"aps": {"alert": "Hi"}}, "fcm": {"data": {"a": "b"}}, "web": {"data": {}}},
    ],
    ids=json.dumps,
)
def test_payloads_of_the_official_docs_are_accepted(
    api: PublishApi, path: str, payload: dict[str, object]
) -> None:
    assert_accepted(api.send(path, {**recipients(path), **payload}))


@pytest.mark.parametrize("value", [0, 2, -1, "yes"])
def test_content_available_is_one_or_absent(api: PublishApi, value: object) -> None:
    payload = {"apns": {"aps": {"alert": "Hi", "content-available": value}}}
    assert_refused(api.to_users(["a"], payload), 422, "`apns.aps.content-available`", "1")


@pytest.mark.parametrize("seconds", [0, 60, 2_419_200])
def test_a_web_notification_lives_up_to_four_weeks(api: PublishApi, seconds: int) -> None:
    assert_accepted(api.to_users(["a"], {"web": {"time_to_live": seconds}}))


@pytest.mark.parametrize("seconds", [2_419_201, -1, "60", 1.5, True, None, [60], 10**30])
def test_a_web_notification_lives_a_whole_number_of_seconds(
    api: PublishApi, seconds: object
) -> None:
    reply = api.to_users(["a"], {"web": {"time_to_live": seconds}})
    assert_refused(reply, 422, "`web.time_to_live`")


@pytest.mark.parametrize("value", [{}, "text", None])
def test_the_data_key_of_the_sdks_is_reserved(
    api: PublishApi, path: str, platform: str, value: object
) -> None:
    payload = {platform: {"data": {"mine": "1", "pusher": value}}}
    reply = api.send(path, {**recipients(path), **payload})
    assert_refused(reply, 422, f"{platform}.data", "pusher")


@pytest.mark.parametrize("value", ["text", ["a"], 7])
def test_data_is_an_object(api: PublishApi, path: str, platform: str, value: object) -> None:
    reply = api.send(path, {**recipients(path), platform: {"data": value}})
    assert_refused(reply, 422, f"`{platform}.data`")
