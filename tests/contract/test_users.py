"""A device is tied to a user by a Beams token, and stays with that user until it stops."""

from functools import partial
from uuid import uuid4

import pytest

from tests.client import DeviceApi, Instance, Reply
from tests.contract.answers import assert_done, assert_refused, document
from tests.contract.crowd import at_once
from tests.push_tokens import PLATFORMS, new_push_token

MAX_USER_ID_CHARS = 164
MAX_DEVICES = 100
#: The Swift SDK repeats a 422 for ever, so iPhones are told 400.
TOO_MANY_DEVICES = {"apns": 400, "fcm": 422, "web": 422}
UNUSUAL_USER_IDS = [
    "a user",
    "a/user",
    "a%20user",
    "a+user",
    "../user",
    "üser",
    "用户",
    "👩\u200d👩\u200d👧",
    "'; DROP TABLE users; --",
    " ",
    "\\",
    "0",
]


def test_a_beams_token_ties_a_device_to_its_user(
    instance: Instance, devices: DeviceApi, platform: str, user_id: str
) -> None:
    device_id = devices.new(platform)
    assert_done(devices.put_user(device_id, instance.token(user_id)))
    assert document(devices.get(device_id))["userId"] == user_id


def test_the_same_user_may_be_put_again(
    instance: Instance, devices: DeviceApi, platform: str, user_id: str
) -> None:
    device_id = devices.new(platform)
    for _ in range(3):
        assert_done(devices.put_user(device_id, instance.token(user_id)))


def test_another_user_is_refused_while_the_device_is_tied(
    instance: Instance, devices: DeviceApi, platform: str, user_id: str
) -> None:
    device_id = instance.device_of(user_id, platform)
    reply = devices.put_user(device_id, instance.token(f"another {user_id}"))
    assert_refused(reply, 400, "already associated")
    assert document(devices.get(device_id))["userId"] == user_id


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("alice", "Alice"),
        ("alice", "alice "),
        ("caf\u00e9", "cafe\u0301"),
        ("ß", "ss"),
        ("1", "01"),
    ],
)
def test_user_ids_that_look_alike_are_different_users(
    instance: Instance, one: str, another: str
) -> None:
    unique = uuid4()
    device_id = instance.device_of(f"{unique}{one}")
    reply = instance.devices.put_user(device_id, instance.token(f"{unique}{another}"))
    assert_refused(reply, 400, "already associated")


@pytest.mark.parametrize("user_id", UNUSUAL_USER_IDS)
def test_a_user_id_comes_back_as_it_was(instance: Instance, platform: str, user_id: str) -> None:
    device_id = instance.device_of(user_id, platform)
    assert document(instance.devices.get(device_id))["userId"] == user_id


@pytest.mark.parametrize("character", ["a", "é", "用", "𐍈", "🔆"])
def test_a_user_id_has_up_to_164_characters_of_any_size(
    instance: Instance, devices: DeviceApi, character: str
) -> None:
    longest = uuid4().hex + character * (MAX_USER_ID_CHARS - 32)
    device_id = instance.device_of(longest)
    assert document(devices.get(device_id))["userId"] == longest

    reply = devices.put_user(devices.new("web"), instance.token(longest + character))
    assert_refused(reply, 400)


def test_users_at_once_leave_a_device_with_the_one_that_was_told_so(
    instance: Instance, devices: DeviceApi, platform: str, user_id: str
) -> None:
    device_id = devices.new(platform)
    users = [f"{user_id}-{number}" for number in range(20)]
    tokens = [instance.token(user) for user in users]

    replies = at_once([partial(devices.put_user, device_id, token) for token in tokens])

    winners = [user for user, reply in zip(users, replies, strict=True) if reply.status == 200]
    assert winners == [document(devices.get(device_id))["userId"]]
    for reply in replies:
        if reply.status != 200:
            assert_refused(reply, 400, "already associated")


def arrive_at_once(instance: Instance, device_ids: list[str], user_id: str) -> list[Reply]:
    token = instance.token(user_id)
    return at_once([partial(instance.devices.put_user, each, token) for each in device_ids])


def assert_too_many(reply: Reply, platform: str) -> None:
    assert_refused(reply, TOO_MANY_DEVICES[platform], "maximum", str(MAX_DEVICES), "devices")


def test_the_101st_device_is_refused_when_all_arrive_at_once(
    instance: Instance, devices: DeviceApi, platform: str, user_id: str
) -> None:
    device_ids = [devices.new(platform) for _ in range(150)]

    replies = arrive_at_once(instance, device_ids, user_id)

    tied = [each for each, reply in zip(device_ids, replies, strict=True) if reply.status == 200]
    assert len(tied) == MAX_DEVICES
    for device_id, reply in zip(device_ids, replies, strict=True):
        if device_id not in tied:
            assert_too_many(reply, platform)
        expected = user_id if device_id in tied else ""
        assert document(devices.get(device_id))["userId"] == expected


def test_a_user_with_100_devices_has_room_where_there_is_room(
    instance: Instance, devices: DeviceApi, platform: str, user_id: str
) -> None:
    device_ids = [devices.new(platform) for _ in range(MAX_DEVICES)]
    assert {reply.status for reply in arrive_at_once(instance, device_ids, user_id)} == {200}
    token = instance.token(user_id)
    late = devices.new(platform)

    assert_too_many(devices.put_user(late, token), platform)
    assert_done(devices.put_user(device_ids[0], token))
    for other in PLATFORMS:
        if other != platform:
            assert_done(devices.put_user(devices.new(other), token))
    assert_done(devices.put_user(devices.new(platform), instance.token(f"another {user_id}")))

    assert_done(devices.delete(device_ids[0]))
    assert_done(devices.put_user(late, token))
    assert_too_many(devices.put_user(devices.new(platform), token), platform)


def test_repeats_and_stops_at_once_neither_take_nor_leave_room(
    instance: Instance, devices: DeviceApi, platform: str, user_id: str
) -> None:
    """Whatever happens at the same moment, exactly 100 devices fit afterwards."""
    token = instance.token(user_id)
    stayer, leaver = (instance.device_of(user_id, platform) for _ in range(2))
    at_once(
        [
            *[partial(devices.put_user, stayer, token)] * 10,
            *[partial(devices.put_user, leaver, token)] * 10,
            *[partial(devices.delete, leaver)] * 10,
        ]
    )
    assert_done(devices.delete(leaver))

    for _ in range(MAX_DEVICES - 1):
        assert_done(devices.put_user(devices.new(platform), token))
    assert_too_many(devices.put_user(devices.new(platform), token), platform)


def test_a_device_that_lost_its_push_token_to_another_leaves_room(
    instance: Instance, devices: DeviceApi, platform: str, user_id: str
) -> None:
    token = instance.token(user_id)
    push_token = new_push_token(platform)
    loser = document(devices.register_token(platform, push_token))["id"]
    assert_done(devices.put_user(loser, token))
    for _ in range(MAX_DEVICES - 1):
        instance.device_of(user_id, platform)

    assert_done(devices.put_token(devices.new(platform), push_token))

    assert_done(devices.put_user(devices.new(platform), token))
    assert_too_many(devices.put_user(devices.new(platform), token), platform)


def test_a_stopped_device_is_free_for_another_user(
    instance: Instance, devices: DeviceApi, platform: str, user_id: str
) -> None:
    assert_done(devices.delete(instance.device_of(user_id, platform)))
    device_id = instance.device_of(f"another {user_id}", platform)
    assert document(devices.get(device_id))["userId"] == f"another {user_id}"


def test_a_user_of_an_unknown_device_is_refused(
    instance: Instance, devices: DeviceApi, unknown_id: str, user_id: str
) -> None:
    reply = devices.put_user(unknown_id, instance.token(user_id))
    assert_refused(reply, 404, "device not found")


def test_a_user_of_a_device_id_that_is_none_is_refused(
    instance: Instance, platform: str, user_id: str
) -> None:
    path = f"{instance.devices.base}/devices/{platform}/garbage/user"
    headers = {"Authorization": f"Bearer {instance.token(user_id)}"}
    assert_refused(instance.client.request("PUT", path, headers=headers), 400, "device id")


def test_the_same_user_id_in_two_instances_is_two_users(
    instance: Instance, other_instance: Instance, user_id: str
) -> None:
    device_id = instance.device_of(user_id)
    other_device_id = other_instance.device_of(user_id)
    assert_done(other_instance.customer.delete_user(user_id))
    assert_refused(other_instance.devices.get(other_device_id), 404)
    assert document(instance.devices.get(device_id))["userId"] == user_id


def test_the_users_token_of_one_instance_ties_no_device_of_another(
    instance: Instance, other_instance: Instance, platform: str, user_id: str
) -> None:
    device_id = other_instance.devices.new(platform)
    reply = other_instance.devices.put_user(device_id, instance.token(user_id))
    assert reply.status in {401, 403}
    assert document(other_instance.devices.get(device_id))["userId"] == ""
