"""Paths that begin with the instance alone, for Android apps that override just the host."""

from uuid import uuid4

import pytest

from tests.client import DeviceApi, Instance
from tests.contract.answers import assert_done, assert_refused, document


@pytest.fixture
def short(instance: Instance) -> DeviceApi:
    """The device API without /device_api/v1."""
    devices = DeviceApi(instance.client, instance.id)
    devices.base = f"/instances/{instance.id}"
    return devices


def test_a_devices_whole_life_has_short_paths(
    instance: Instance, short: DeviceApi, platform: str, user_id: str
) -> None:
    device_id = short.new(platform)
    assert_done(short.put_user(device_id, instance.token(user_id)))
    assert_done(short.put_metadata(device_id, {"sdkVersion": "1.9.2"}))
    assert_done(short.put_interests(device_id, ["news"]))
    assert_done(short.post_interest(device_id, "sport"))
    assert_done(short.delete_interest(device_id, "news"))
    assert document(instance.devices.get(device_id))["userId"] == user_id
    assert document(instance.devices.get(device_id)) == document(short.get(device_id))
    assert short.all_interests(device_id) == ["sport"]
    assert_done(short.delete(device_id))
    assert_refused(instance.devices.get(device_id), 404, "device not found")


def test_a_report_has_a_short_path(instance: Instance) -> None:
    path = f"/instances/{instance.id}/events"
    event = {"event": "Open", "publishId": "pubid-1", "deviceId": "fcm-1", "timestampSecs": 1}
    assert_done(instance.client.request("POST", path, json=event))
    assert_refused(instance.client.request("POST", path, json={**event, "event": "Lost"}), 400)


@pytest.mark.parametrize("rest", ["devices/fcm/extra/parts/here", "nothing", "publishes/users"])
def test_what_has_no_short_path_is_refused_in_json(instance: Instance, rest: str) -> None:
    path = f"/instances/{instance.id}/{rest}"
    headers = instance.publish.authorization
    assert_refused(instance.client.request("POST", path, json={}, headers=headers), 404)


def test_the_user_limit_of_iphones_is_a_400_here_too(
    instance: Instance, short: DeviceApi, user_id: str
) -> None:
    for _ in range(100):
        instance.device_of(user_id, "apns")
    reply = short.put_user(short.new("apns"), instance.token(user_id))
    assert_refused(reply, 400, "100 devices")


def test_an_unknown_instance_is_refused_on_short_paths(instance: Instance) -> None:
    body = {"token": "token", "knownPreviousClientIds": []}
    path = f"/instances/{uuid4()}/devices/fcm"
    assert_refused(instance.client.request("POST", path, json=body), 404, "instance")
