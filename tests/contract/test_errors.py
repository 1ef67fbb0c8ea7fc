"""Whatever is wrong, the answer says what and why in JSON."""

from uuid import uuid4

import pytest

from tests.client import Instance, Reply
from tests.contract.answers import assert_refused

UNKNOWN_ROUTES = [
    "/nothing",
    "/publish_api",
    "/publish_api/v1/instances",
    "/publish_api/v2/instances/{instance}/publishes/users",
    "/publish_api/v1/instances/{instance}/nothing",
    "/customer_api/v1/instances/{instance}",
    "/user_api/v1/instances/{instance}/nothing",
    "/device_api/v1/instances/{instance}",
    "/device_api/v1/instances/{instance}/devices",
    # A beta of the web SDK for Safari reads "not configured" from it.
    "/device_api/v1/instances/{instance}/safari-website-push-id",
    "/device_api/v1/instances/{instance}/devices/safari",
    "/device_api/v1/instances/{instance}/devices/{device}/nothing",
    "/device_api/v2/instances/{instance}/devices/{device}",
    "/reporting_api/v2/instances/{instance}/nothing",
    "/reporting_api/v1/instances/{instance}/event-type",
    "/reporting_api/v9/instances/{instance}/events",
    "/%2e%2e/%2e%2e/etc/passwd",
]
WRONG_METHODS = [
    ("GET", "/publish_api/v1/instances/{instance}/publishes/users"),
    ("PUT", "/publish_api/v1/instances/{instance}/publishes/interests"),
    ("DELETE", "/publish_api/v1/instances/{instance}/publishes"),
    ("GET", "/customer_api/v1/instances/{instance}/users/alice"),
    ("POST", "/user_api/v1/instances/{instance}/users/alice"),
    ("GET", "/device_api/v1/instances/{instance}/devices/web"),
    ("PATCH", "/device_api/v1/instances/{instance}/devices/{device}"),
    ("POST", "/device_api/v1/instances/{instance}/devices/{device}"),
    ("GET", "/device_api/v1/instances/{instance}/devices/{device}/user"),
    ("POST", "/device_api/v1/instances/{instance}/devices/{device}/metadata"),
    ("GET", "/device_api/v1/instances/{instance}/devices/{device}/token"),
    ("POST", "/device_api/v1/instances/{instance}/devices/{device}/interests"),
    ("PUT", "/device_api/v1/instances/{instance}/devices/{device}/interests/news"),
    ("POST", "/device_api/v1/instances/{instance}/web-vapid-public-key"),
    ("GET", "/reporting_api/v2/instances/{instance}/events"),
    ("GET", "/reporting_api/v1/instances/{instance}/events"),
    ("PUT", "/reporting_api/v1/instances/{instance}/event-type/Open"),
    ("PUT", "/instances/{instance}/devices/{device}"),
    ("POST", "/health"),
    ("DELETE", "/ready"),
]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("route", UNKNOWN_ROUTES)
def test_an_unknown_route_is_refused_in_json(instance: Instance, method: str, route: str) -> None:
    path = route.format(instance=instance.id, device=f"web/web-{uuid4()}")
    reply = instance.client.request(method, path, headers=instance.publish.authorization)
    assert_refused(reply, 404, "there is nothing")
    says_a_sentence(reply)


@pytest.mark.parametrize(("method", "route"), WRONG_METHODS)
def test_a_wrong_method_is_refused_in_json(instance: Instance, method: str, route: str) -> None:
    path = route.format(instance=instance.id, device=f"web/web-{uuid4()}")
    reply = instance.client.request(method, path, headers=instance.publish.authorization)
    assert_refused(reply, 405, f"not with {method}")
    says_a_sentence(reply)


def says_a_sentence(reply: Reply) -> None:
    """SDKs show title and description one behind the other."""
    title, description = reply.json()["error"], reply.json()["description"]
    assert title.lower() not in description.lower()


def test_a_refusal_keeps_nothing_of_what_was_sent(instance: Instance) -> None:
    """Error texts end in logs and on screens: no push token, no Beams token, no key in them."""
    secret = uuid4().hex
    devices = instance.devices
    device_id = devices.new("web")
    replies = [
        devices.register_apns(f"not hex {secret}"),
        devices.register("web", {"token": f"{secret}!"}),
        devices.put_user(device_id, f"{secret}.{secret}.{secret}"),
        instance.with_key(secret).publish.to_users(["alice"]),
        instance.with_key(secret).customer.delete_user("alice"),
    ]
    for reply in replies:
        assert reply.status in {400, 401}
        assert secret.encode() not in reply.body
