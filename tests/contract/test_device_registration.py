"""Devices register, again and again, and stay the devices they are."""

import base64
import json
import re
from collections.abc import Mapping
from uuid import uuid4

import pytest

from tests.client import DeviceApi, Instance, Reply
from tests.contract.answers import assert_done, assert_refused, document, refusal_text
from tests.contract.crowd import at_once
from tests.push_tokens import encoded, new_push_token, new_web_subscription

UUID4 = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def assert_new_device(reply: Reply, platform: str) -> None:
    registered = document(reply)
    assert reply.headers["content-type"].startswith("application/json")
    assert re.fullmatch(f"{platform}-{UUID4}", registered["id"])
    assert registered["initialInterestSet"] == []


def test_an_iphone_registers_with_what_the_swift_sdk_sends(devices: DeviceApi) -> None:
    body = {
        "token": new_push_token("apns"),
        "bundleIdentifier": "com.example.app",
        "metadata": {"sdkVersion": "4.0.0", "iosVersion": "17.4"},
    }
    assert_new_device(devices.register("apns", body), "apns")


def test_an_android_phone_registers_with_what_the_android_sdk_sends(devices: DeviceApi) -> None:
    body = {
        "token": new_push_token("fcm"),
        "knownPreviousClientIds": [],
        "metadata": {"sdkVersion": "1.9.2", "androidVersion": "14"},
    }
    assert_new_device(devices.register("fcm", body), "fcm")


def test_an_android_phone_may_name_its_bundle(devices: DeviceApi) -> None:
    body = {"token": new_push_token("fcm"), "bundleIdentifier": "com.example.app"}
    assert_new_device(devices.register("fcm", body), "fcm")


def test_a_browser_registers_with_what_the_web_sdk_sends(
    instance: Instance, devices: DeviceApi
) -> None:
    body = {"token": new_push_token("web"), "metadata": {"sdkVersion": "2.1.0"}}
    headers = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0"}
    path = f"{devices.base}/devices/web"
    reply = instance.client.request("POST", path, json=body, headers=headers)
    assert_new_device(reply, "web")


@pytest.mark.parametrize("hex_digits", [44, 64, 88, 160])
def test_the_length_of_an_apns_token_is_not_fixed(devices: DeviceApi, hex_digits: int) -> None:
    token = (new_push_token("apns") * 3)[:hex_digits]
    assert_new_device(devices.register_apns(token), "apns")


def test_an_apns_token_that_is_not_hex_tells_the_swift_sdk_to_stop(devices: DeviceApi) -> None:
    assert_refused(devices.register_apns("not hexadecimal" * 4), 401, "device token")


def test_an_fcm_token_of_any_form_is_accepted(devices: DeviceApi) -> None:
    assert_new_device(devices.register_fcm(f"whatever {uuid4()}"), "fcm")


def test_a_registration_without_a_token_is_refused(devices: DeviceApi, platform: str) -> None:
    body = {"bundleIdentifier": "com.example.app", "metadata": {}}
    assert_refused(devices.register(platform, body), 400, "token")


@pytest.mark.parametrize("token", [None, 5, ["a"], {"a": "b"}])
def test_a_push_token_that_is_not_text_is_refused(
    devices: DeviceApi, platform: str, token: object
) -> None:
    body = {"token": token, "bundleIdentifier": "com.example.app"}
    assert_refused(devices.register(platform, body), 400, "token")


def test_an_iphone_without_a_bundle_identifier_is_refused(devices: DeviceApi) -> None:
    reply = devices.register("apns", {"token": new_push_token("apns")})
    assert_refused(reply, 400, "bundle")


def without(key: str) -> Mapping[str, object]:
    return {name: value for name, value in new_web_subscription().items() if name != key}


def without_key(key: str) -> Mapping[str, object]:
    keys = {"p256dh": "a", "auth": "b"}
    return {**new_web_subscription(), "keys": {key: keys[key]}}


@pytest.mark.parametrize(
    "token",
    [
        "not base64 at all!",
        base64.b64encode(b"not JSON").decode(),
        base64.b64encode(json.dumps(["a list"]).encode()).decode(),
        base64.b64encode(json.dumps("a text").encode()).decode(),
        base64.b64encode(b'{"endpoint": "\xff"}').decode(),
        encoded({}),
        encoded(without("endpoint")),
        encoded(without("keys")),
        encoded(without_key("p256dh")),
        encoded(without_key("auth")),
        encoded({**new_web_subscription(), "keys": "a text"}),
        encoded({**new_web_subscription(), "endpoint": 5}),
    ],
    ids=[
        "not base64",
        "not JSON",
        "a list",
        "a text",
        "not UTF-8",
        "empty",
        "without endpoint",
        "without keys",
        "without auth",
        "without p256dh",
        "keys are a text",
        "endpoint is a number",
    ],
)
def test_a_token_that_is_no_web_push_subscription_is_refused(
    devices: DeviceApi, token: str
) -> None:
    assert_refused(devices.register("web", {"token": token}), 400)


def test_a_web_token_may_leave_out_the_expiration_time(devices: DeviceApi) -> None:
    subscription = new_web_subscription()
    del subscription["expirationTime"]
    assert_new_device(devices.register_web(subscription), "web")


def test_registering_again_keeps_the_device_its_interests_and_its_user(
    instance: Instance, devices: DeviceApi, platform: str, user_id: str
) -> None:
    token = new_push_token(platform)
    device_id = document(devices.register_token(platform, token))["id"]
    assert_done(devices.put_interests(device_id, ["news", "sport"]))
    assert_done(devices.put_user(device_id, instance.token(user_id)))

    again = document(devices.register_token(platform, token))

    assert again["id"] == device_id
    assert sorted(again["initialInterestSet"]) == ["news", "sport"]
    assert document(devices.get(device_id))["userId"] == user_id


def test_registering_again_returns_all_interests_however_many(
    devices: DeviceApi, platform: str
) -> None:
    token = new_push_token(platform)
    device_id = document(devices.register_token(platform, token))["id"]
    interests = [f"interest-{number:03}" for number in range(250)]
    assert_done(devices.put_interests(device_id, interests))

    again = document(devices.register_token(platform, token))

    assert sorted(again["initialInterestSet"]) == interests


def test_registering_after_a_stop_makes_a_new_device(
    instance: Instance, devices: DeviceApi, platform: str, user_id: str
) -> None:
    token = new_push_token(platform)
    stopped = document(devices.register_token(platform, token))["id"]
    assert_done(devices.put_interests(stopped, ["news"]))
    assert_done(devices.put_user(stopped, instance.token(user_id)))
    assert_done(devices.delete(stopped))

    started = document(devices.register_token(platform, token))

    assert started["id"] != stopped
    assert started["initialInterestSet"] == []
    assert document(devices.get(started["id"]))["userId"] == ""


def test_registrations_of_one_token_at_once_make_one_device(
    devices: DeviceApi, platform: str
) -> None:
    token = new_push_token(platform)
    replies = at_once([lambda: devices.register_token(platform, token)] * 30)
    assert len({document(reply)["id"] for reply in replies}) == 1


def test_the_same_token_under_two_instances_is_two_devices(
    instance: Instance, other_instance: Instance, platform: str
) -> None:
    token = new_push_token(platform)
    device_id = document(instance.devices.register_token(platform, token))["id"]
    assert_done(instance.devices.put_interests(device_id, ["news"]))

    other = document(other_instance.devices.register_token(platform, token))

    assert other["id"] != device_id
    assert other["initialInterestSet"] == []


def test_registration_at_an_unknown_instance_is_refused(instance: Instance, platform: str) -> None:
    nowhere = DeviceApi(instance.client, str(uuid4()))
    reply = nowhere.register_token(platform, new_push_token(platform))
    assert_refused(reply, 404, "instance")


def test_the_instance_id_is_read_in_any_case(instance: Instance, platform: str) -> None:
    shouting = DeviceApi(instance.client, instance.id.upper())
    device_id = shouting.new(platform)
    assert document(instance.devices.get(device_id))["id"] == device_id


def test_registration_on_an_unknown_platform_is_refused(devices: DeviceApi) -> None:
    assert_refused(devices.register("pigeon", {"token": "coo"}), 404)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"null", b"\xff", b"{'a': 1}"])
def test_a_body_that_is_no_json_object_is_refused(
    instance: Instance, devices: DeviceApi, platform: str, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    path = f"{devices.base}/devices/{platform}"
    assert_refused(instance.client.request("POST", path, body=body, headers=headers), 400)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("text/plain", 400), ("application/json; charset=utf-8", 200), ("Application/JSON", 200)],
)
def test_the_content_type_of_a_body_is_json(
    instance: Instance, devices: DeviceApi, content_type: str, status: int
) -> None:
    reply = instance.client.request(
        "POST",
        f"{devices.base}/devices/fcm",
        json={"token": new_push_token("fcm")},
        headers={"Content-Type": content_type},
    )
    assert reply.status == status
    if status != 200:
        assert refusal_text(reply)


def test_the_vapid_key_is_a_point_on_p256_and_stays(devices: DeviceApi) -> None:
    key = document(devices.get_vapid_public_key())["vapidPublicKey"]
    point = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    assert (len(point), point[0]) == (65, 4)
    assert document(devices.get_vapid_public_key())["vapidPublicKey"] == key


def test_each_instance_has_its_own_vapid_key(instance: Instance, other_instance: Instance) -> None:
    keys = [document(app.devices.get_vapid_public_key()) for app in (instance, other_instance)]
    assert keys[0] != keys[1]


def test_the_vapid_key_of_an_unknown_instance_is_refused(instance: Instance) -> None:
    nowhere = DeviceApi(instance.client, str(uuid4()))
    assert_refused(nowhere.get_vapid_public_key(), 404, "instance")
