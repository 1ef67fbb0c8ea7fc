"""An app's server deletes users, however its SDK writes their ids into the path."""

from collections.abc import Mapping
from uuid import uuid4

import pytest

from tests.client import CustomerApi, Instance
from tests.contract.answers import assert_done, assert_refused, document
from tests.push_tokens import PLATFORMS, new_push_token

#: What the official SDKs write in X-Pusher-Library. These take a plus for a space.
FORM_ENCODING = [
    "pusher-push-notifications-ruby 2.0.3",
    "pusher-push-notifications-server-java 1.1.1",
    "pusher-push-notifications-php 2.0.0",
]
PATH_ENCODING = [
    "pusher-push-notifications-node 1.2.7",
    "pusher-push-notifications-python 2.0.2",
    "pusher-push-notifications-go 1.1.1",
    "push-notifications-server-swift 1.0.3",
    None,
]


def test_a_deleted_user_takes_all_devices_along(instance: Instance, user_id: str) -> None:
    device_ids = [instance.device_of(user_id, platform) for platform in PLATFORMS * 2]
    reply = instance.customer.delete_user(user_id)
    assert_done(reply)
    assert reply.headers["content-length"] == "0"
    for device_id in device_ids:
        assert_refused(instance.devices.get(device_id), 404, "device not found")


def test_the_older_path_deletes_too(instance: Instance, user_id: str) -> None:
    device_id = instance.device_of(user_id)
    reply = instance.customer.delete_user_by_alias(user_id)
    assert_done(reply)
    assert reply.headers["content-length"] == "0"
    assert_refused(instance.devices.get(device_id), 404, "device not found")


def test_an_unknown_user_is_deleted_with_success(instance: Instance, user_id: str) -> None:
    assert_done(instance.customer.delete_user(user_id))
    assert_done(instance.customer.delete_user(user_id))


def test_a_device_of_a_deleted_user_starts_anew(
    instance: Instance, platform: str, user_id: str
) -> None:
    devices = instance.devices
    push_token = new_push_token(platform)
    deleted = document(devices.register_token(platform, push_token))["id"]
    assert_done(devices.put_interests(deleted, ["news"]))
    assert_done(devices.put_user(deleted, instance.token(user_id)))
    assert_done(instance.customer.delete_user(user_id))

    registered = document(devices.register_token(platform, push_token))

    assert registered["id"] != deleted
    assert registered["initialInterestSet"] == []
    assert document(devices.get(registered["id"]))["userId"] == ""
    assert_done(devices.put_user(registered["id"], instance.token(user_id)))


def test_a_deleted_user_has_room_for_100_devices_again(
    instance: Instance, platform: str, user_id: str
) -> None:
    for _ in range(3):
        instance.device_of(user_id, platform)
    assert_done(instance.customer.delete_user(user_id))
    for _ in range(100):
        instance.device_of(user_id, platform)


def test_other_users_and_devices_without_a_user_stay(instance: Instance, user_id: str) -> None:
    neighbours = [f"{user_id}/x", user_id.upper(), f"{user_id} ", f"{user_id}%", user_id[:-1]]
    kept = {instance.device_of(neighbour): neighbour for neighbour in neighbours}
    kept[instance.devices.new("web")] = ""
    assert_done(instance.customer.delete_user(user_id))
    for device_id, neighbour in kept.items():
        assert document(instance.devices.get(device_id))["userId"] == neighbour


def assert_means(
    instance: Instance, raw_user_id: str, user_id: str, library: str | None = None
) -> None:
    """Assert that a user id written so in the path is that user."""
    unique = uuid4().hex
    device_id = instance.device_of(f"{unique}{user_id}")
    assert_done(instance.customer.delete_user(f"{unique}{raw_user_id}", library=library))
    assert_refused(instance.devices.get(device_id), 404, "device not found")


@pytest.mark.parametrize(
    ("raw_user_id", "user_id"),
    [
        ("a%20b", "a b"),
        ("a%2Bb", "a+b"),
        ("a/b", "a/b"),
        ("a%2Fb", "a/b"),
        ("a%2fb", "a/b"),
        ("//a/", "//a/"),
        ("/users/b", "/users/b"),
        ("100%25", "100%"),
        ("a%2520b", "a%20b"),
        ("a%3Fb%23c", "a?b#c"),
        ("a;b=c", "a;b=c"),
        ("/%2E%2E/a", "/../a"),
        ("%F0%9F%94%86", "🔆"),
        ("%E7%94%A8%E6%88%B7", "用户"),
        ("Stop%21%27%20said%20Fred", "Stop!' said Fred"),
        ("@:$&'()*,", "@:$&'()*,"),
    ],
)
@pytest.mark.parametrize("library", [FORM_ENCODING[0], PATH_ENCODING[1], None])
def test_a_user_id_is_decoded_once(
    instance: Instance, raw_user_id: str, user_id: str, library: str | None
) -> None:
    assert_means(instance, raw_user_id, user_id, library)


@pytest.mark.parametrize("library", FORM_ENCODING)
def test_a_plus_is_a_space_from_ruby_java_and_php(instance: Instance, library: str) -> None:
    assert_means(instance, "a+b", "a b", library)
    assert_means(instance, "Stop!'+said+Fred+user", "Stop!' said Fred user", library)


@pytest.mark.parametrize("library", PATH_ENCODING)
def test_a_plus_is_a_plus_from_everyone_else(instance: Instance, library: str | None) -> None:
    assert_means(instance, "a+b", "a+b", library)


@pytest.mark.parametrize("character", ["a", "é", "🔆"])
def test_a_user_id_of_164_characters_is_deleted(instance: Instance, character: str) -> None:
    escaped = "".join(f"%{byte:02X}" for byte in character.encode())
    assert_means(instance, escaped * 132, character * 132)


@pytest.mark.parametrize("raw_user_id", ["a" * 165, "%C3%A9" * 165, "%F0%9F%94%86" * 165])
def test_a_user_id_of_165_characters_is_refused(instance: Instance, raw_user_id: str) -> None:
    reply = instance.customer.delete_user(raw_user_id)
    assert_refused(reply, 400, "'user id' is too long, max length is 164")


def test_an_empty_user_id_is_refused(instance: Instance) -> None:
    assert_refused(instance.customer.delete_user(""), 404)
    assert_refused(instance.customer.delete_user_by_alias(""), 404)


def delete(instance: Instance, user_id: str, headers: Mapping[str, str]) -> None:
    for base in (instance.customer.base, instance.customer.alias):
        reply = instance.client.request("DELETE", f"{base}/users/{user_id}", headers=headers)
        assert_refused(reply, 401 if headers else 400)


def test_the_secret_key_is_required(instance: Instance, user_id: str) -> None:
    device_id = instance.device_of(user_id)
    delete(instance, user_id, headers={})
    delete(instance, user_id, headers={"Authorization": "Bearer wrong"})
    assert document(instance.devices.get(device_id))["userId"] == user_id


def test_an_unknown_instance_is_refused(instance: Instance, user_id: str) -> None:
    nowhere = CustomerApi(instance.client, str(uuid4()), instance.secret_key)
    assert_refused(nowhere.delete_user(user_id), 404, "instance")
