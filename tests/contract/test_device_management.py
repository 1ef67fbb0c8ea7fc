"""Devices are read, described, given new push tokens, and stopped."""

from functools import partial
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.client import DeviceApi, Instance, Reply
from tests.contract.answers import assert_done, assert_refused, document
from tests.contract.crowd import at_once
from tests.push_tokens import PLATFORMS, new_push_token

METADATA = {
    "apns": {"sdkVersion": "4.0.0", "iosVersion": "17.4", "macosVersion": "14.4"},
    "fcm": {"sdkVersion": "1.9.2", "androidVersion": "14"},
    "web": {"sdkVersion": "2.1.0"},
}


def test_a_device_without_a_user_has_an_empty_user_id(devices: DeviceApi, platform: str) -> None:
    device_id = devices.new(platform)
    device = document(devices.get(device_id))
    assert (device["id"], device["userId"]) == (device_id, "")
    assert isinstance(device["metadata"], dict)


def test_a_device_shows_its_user(instance: Instance, platform: str, user_id: str) -> None:
    device_id = instance.device_of(user_id, platform)
    assert document(instance.devices.get(device_id))["userId"] == user_id


def test_a_device_shows_the_metadata_it_registered_with(devices: DeviceApi, platform: str) -> None:
    body = {
        "token": new_push_token(platform),
        "bundleIdentifier": "com.example.app",
        "metadata": METADATA[platform],
    }
    device_id = document(devices.register(platform, body))["id"]
    shown = document(devices.get(device_id))
    metadata = shown["metadata"]
    assert metadata | METADATA[platform] == metadata
    assert shown["deviceMetadata"] == metadata


def test_metadata_is_replaced(devices: DeviceApi, platform: str) -> None:
    device_id = devices.new(platform)
    assert_done(devices.put_metadata(device_id, METADATA[platform]))
    newer = {**METADATA[platform], "sdkVersion": "9.9.9"}
    assert_done(devices.put_metadata(device_id, newer))
    assert document(devices.get(device_id))["metadata"]["sdkVersion"] == "9.9.9"


def test_metadata_of_an_unknown_device_is_refused(devices: DeviceApi, unknown_id: str) -> None:
    reply = devices.put_metadata(unknown_id, {"sdkVersion": "1"})
    assert_refused(reply, 404, "device not found")


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"7"])
def test_metadata_that_is_no_json_object_is_refused(
    instance: Instance, platform: str, body: bytes
) -> None:
    path = f"{instance.devices.path_of(instance.devices.new(platform))}/metadata"
    headers = {"Content-Type": "application/json"}
    assert_refused(instance.client.request("PUT", path, body=body, headers=headers), 400)


def test_a_stopped_device_is_gone(devices: DeviceApi, platform: str) -> None:
    device_id = devices.new(platform)
    assert_done(devices.delete(device_id))
    assert_refused(devices.get(device_id), 404, "device not found")


def test_a_stop_may_be_repeated(devices: DeviceApi, platform: str) -> None:
    device_id = devices.new(platform)
    assert_done(devices.delete(device_id))
    assert_done(devices.delete(device_id))


def test_stops_at_once_all_succeed(devices: DeviceApi, platform: str) -> None:
    device_id = devices.new(platform)
    for reply in at_once([lambda: devices.delete(device_id)] * 10):
        assert_done(reply)


def test_a_stop_of_an_unknown_device_succeeds(devices: DeviceApi, unknown_id: str) -> None:
    assert_done(devices.delete(unknown_id))


def test_a_stop_ends_only_that_device(instance: Instance, platform: str, user_id: str) -> None:
    stopped, kept = (instance.device_of(user_id, platform) for _ in range(2))
    assert_done(instance.devices.delete(stopped))
    assert document(instance.devices.get(kept))["userId"] == user_id


def test_an_unknown_device_is_refused(devices: DeviceApi, unknown_id: str) -> None:
    assert_refused(devices.get(unknown_id), 404, "device not found")


@pytest.mark.parametrize("rest", ["x", "12345", "AAAA_bbbb~cccc.dddd", "a" * 200, "0" * 36])
def test_a_device_id_of_another_service_is_unknown_and_not_malformed(
    instance: Instance, platform: str, rest: str
) -> None:
    """Only for 404 do phones register anew; for 400 they drop what they had to say."""
    for reply in asked_of(instance, platform, f"{platform}-{rest}"):
        assert_refused(reply, 404, "device not found")


@pytest.mark.parametrize(
    "malformed",
    ["x", "fcm", "apns-", "pigeon-1", "web-a%20b", "web-ż", "web-" + "a" * 201],
)
def test_a_device_id_that_can_be_none_is_malformed(
    instance: Instance, platform: str, malformed: str
) -> None:
    for reply in asked_of(instance, platform, malformed):
        assert_refused(reply, 400, "device id")


def asked_of(instance: Instance, platform: str, device_id: str) -> list[Reply]:
    """The answers to what is asked of a device, but for its end."""
    path = f"{instance.devices.base}/devices/{platform}/{quote(device_id, safe='%~')}"
    token = {"Authorization": f"Bearer {instance.token('alice')}"}
    ask = instance.client.request
    return [
        ask("GET", path),
        ask("PUT", f"{path}/metadata", json={}),
        ask("PUT", f"{path}/token", json={"token": new_push_token(platform)}),
        ask("PUT", f"{path}/user", headers=token),
        ask("GET", f"{path}/interests"),
        ask("PUT", f"{path}/interests", json={"interests": ["news"]}),
        ask("POST", f"{path}/interests/news"),
        ask("DELETE", f"{path}/interests/news"),
    ]


@pytest.mark.parametrize(
    ("named", "real"), [(a, b) for a in PLATFORMS for b in PLATFORMS if a != b]
)
def test_a_device_is_not_found_under_another_platform(
    instance: Instance, named: str, real: str
) -> None:
    device_id = instance.devices.new(real)
    path = f"{instance.devices.base}/devices/{named}/{device_id}"
    assert_refused(instance.client.request("GET", path), 404)
    assert_refused(instance.client.request("PUT", f"{path}/metadata", json={}), 404)
    assert_refused(instance.client.request("GET", f"{path}/interests"), 404)
    instance.client.request("DELETE", path)
    assert document(instance.devices.get(device_id))["id"] == device_id


def test_a_new_push_token_takes_the_place_of_the_old(
    instance: Instance, platform: str, user_id: str
) -> None:
    old, new = new_push_token(platform), new_push_token(platform)
    devices = instance.devices
    device_id = document(devices.register_token(platform, old))["id"]
    assert_done(devices.put_interests(device_id, ["news"]))
    assert_done(devices.put_user(device_id, instance.token(user_id)))

    assert_done(devices.put_token(device_id, new))

    known = document(devices.register_token(platform, new))
    assert known == {"id": device_id, "initialInterestSet": ["news"]}
    assert document(devices.get(device_id))["userId"] == user_id
    assert document(devices.register_token(platform, old))["id"] != device_id


def test_the_same_push_token_may_be_put_again(devices: DeviceApi, platform: str) -> None:
    token = new_push_token(platform)
    device_id = document(devices.register_token(platform, token))["id"]
    assert_done(devices.put_token(device_id, token))
    assert document(devices.register_token(platform, token))["id"] == device_id


def test_a_push_token_taken_from_another_device_leaves_one_live_device(
    devices: DeviceApi, platform: str
) -> None:
    token = new_push_token(platform)
    loser = document(devices.register_token(platform, token))["id"]
    winner = devices.new(platform)

    assert_done(devices.put_token(winner, token))

    assert_refused(devices.get(loser), 404, "device not found")
    assert document(devices.get(winner))["id"] == winner
    assert document(devices.register_token(platform, token))["id"] == winner


def test_a_push_token_taken_at_once_by_many_devices_stays_with_one(
    devices: DeviceApi, platform: str
) -> None:
    token = new_push_token(platform)
    device_ids = [devices.new(platform) for _ in range(10)]

    replies = at_once([partial(devices.put_token, device_id, token) for device_id in device_ids])

    assert {reply.status for reply in replies} <= {200, 404}
    alive = [device_id for device_id in device_ids if devices.get(device_id).status == 200]
    assert [document(devices.register_token(platform, token))["id"]] == alive


def test_a_push_token_is_required(instance: Instance, platform: str) -> None:
    path = f"{instance.devices.path_of(instance.devices.new(platform))}/token"
    assert_refused(instance.client.request("PUT", path, json={}), 400, "token")


def test_a_push_token_of_an_unknown_device_is_refused(
    devices: DeviceApi, platform: str, unknown_id: str
) -> None:
    reply = devices.put_token(unknown_id, new_push_token(platform))
    assert_refused(reply, 404, "device not found")


def test_a_device_is_unknown_to_another_instance(
    instance: Instance, other_instance: Instance, platform: str
) -> None:
    device_id = instance.devices.new(platform)
    stranger = other_instance.devices
    assert_refused(stranger.get(device_id), 404, "device not found")
    assert_refused(stranger.put_metadata(device_id, {}), 404)
    assert_refused(stranger.put_token(device_id, new_push_token(platform)), 404)
    assert_refused(stranger.get_interests(device_id), 404)
    assert_refused(stranger.put_interests(device_id, ["news"]), 404)
    assert_refused(stranger.post_interest(device_id, "news"), 404)
    assert_done(stranger.delete(device_id))
    assert document(instance.devices.get(device_id))["id"] == device_id


def test_devices_of_an_unknown_instance_are_refused(instance: Instance, unknown_id: str) -> None:
    nowhere = DeviceApi(instance.client, str(uuid4()))
    assert_refused(nowhere.get(unknown_id), 404, "instance")
