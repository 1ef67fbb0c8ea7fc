"""Pages of any origin talk to the device and reporting APIs, and can read what is refused."""

from collections.abc import Mapping
from uuid import uuid4

import pytest

from tests.client import DeviceApi, Instance, Reply
from tests.push_tokens import new_push_token

PAGE = {"Origin": "https://app.example.com"}
METHODS = {"GET", "POST", "PUT", "DELETE", "OPTIONS"}


def assert_readable(reply: Reply, status: int) -> None:
    assert reply.status == status, reply
    assert reply.headers.get("access-control-allow-origin") == "*", reply


def listed(reply: Reply, header: str) -> set[str]:
    return {item.strip() for item in reply.headers.get(header, "").split(",")}


def paths(devices: DeviceApi, reporting_base: str) -> list[tuple[str, str]]:
    device = devices.path_of(f"web-{uuid4()}")
    return [
        ("POST", f"{devices.base}/devices/web"),
        ("GET", f"{devices.base}/web-vapid-public-key"),
        ("DELETE", device),
        ("PUT", f"{device}/user"),
        ("PUT", f"{device}/metadata"),
        ("GET", f"{device}/interests?limit=100"),
        ("PUT", f"{device}/interests"),
        ("POST", f"{device}/interests/a%40b"),
        ("DELETE", f"{device}/interests/news"),
        ("POST", f"{reporting_base}/events"),
    ]


@pytest.mark.parametrize("asked", ["authorization", "content-type", "authorization,content-type"])
def test_a_preflight_allows_what_the_web_sdk_does(instance: Instance, asked: str) -> None:
    for method, path in paths(instance.devices, instance.reporting.base):
        headers = {
            **PAGE,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": asked,
        }
        reply = instance.client.request("OPTIONS", path, headers=headers)
        assert 200 <= reply.status < 300, (path, reply)
        assert reply.headers.get("access-control-allow-origin") == "*", path
        assert listed(reply, "access-control-allow-methods") >= METHODS
        allowed = {name.lower() for name in listed(reply, "access-control-allow-headers")}
        assert allowed >= {"authorization", "content-type"}


def test_a_preflight_needs_no_headers_to_ask_for(instance: Instance) -> None:
    for method, path in paths(instance.devices, instance.reporting.base):
        headers = {**PAGE, "Access-Control-Request-Method": method}
        reply = instance.client.request("OPTIONS", path, headers=headers)
        assert 200 <= reply.status < 300, (path, reply)
        assert reply.headers.get("access-control-allow-origin") == "*", path


def send(
    instance: Instance,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] = PAGE,
    json: object = None,
) -> Reply:
    return instance.client.request(method, path, headers={**PAGE, **headers}, json=json)


def test_a_page_reads_successes(instance: Instance, user_id: str) -> None:
    devices = instance.devices
    path = f"{devices.base}/devices/web"
    assert_readable(send(instance, "POST", path, json={"token": new_push_token("web")}), 200)
    device = devices.path_of(devices.new("web"))
    authorization = {"Authorization": f"Bearer {instance.token(user_id)}"}
    assert_readable(send(instance, "GET", device), 200)
    assert_readable(send(instance, "PUT", f"{device}/user", headers=authorization), 200)
    assert_readable(send(instance, "POST", f"{device}/interests/news"), 200)
    assert_readable(send(instance, "DELETE", device), 200)
    assert_readable(send(instance, "GET", f"{devices.base}/web-vapid-public-key"), 200)


def test_a_page_reads_refusals(instance: Instance) -> None:
    devices = instance.devices
    device = devices.path_of(devices.new("web"))
    unknown = devices.path_of(f"web-{uuid4()}")
    assert_readable(send(instance, "GET", unknown), 404)
    assert_readable(send(instance, "POST", f"{devices.base}/devices/web", json={}), 400)
    assert_readable(send(instance, "PUT", f"{device}/user"), 401)
    assert_readable(send(instance, "POST", f"{device}/interests/a:b"), 400)
    assert_readable(send(instance, "GET", f"{devices.base}/nothing/here"), 404)
    assert_readable(send(instance, "PATCH", device), 405)
    assert_readable(send(instance, "POST", f"{instance.reporting.base}/events", json={}), 400)


def test_an_app_that_is_told_its_user_has_too_many_devices_can_read_it(
    instance: Instance, user_id: str
) -> None:
    for _ in range(100):
        instance.device_of(user_id)
    device = instance.devices.path_of(instance.devices.new("web"))
    authorization = {"Authorization": f"Bearer {instance.token(user_id)}"}
    assert_readable(send(instance, "PUT", f"{device}/user", headers=authorization), 422)
