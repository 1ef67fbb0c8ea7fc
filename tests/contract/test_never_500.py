"""Rubbish thrown at every endpoint: the answer is a refusal or a success, and always readable.

Nothing that a stranger sends may break the server or leave a client without an explanation.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.beams_token import HEADER, beams_token_of_parts, hmac_signer
from tests.client import HELLO, Instance, Reply
from tests.contract.answers import OK, refusal_text
from tests.push_tokens import new_push_token

PUBLISH = "/publish_api/v1/instances/{instance}"
DEVICES = "/device_api/v1/instances/{instance}/devices"
ADMIN = "/admin_api/v1/instances/{instance}"
EVENTS = "/reporting_api/v2/instances/{instance}/events"
JSON_ROUTES = [
    ("POST", f"{PUBLISH}/publishes/interests"),
    ("POST", f"{PUBLISH}/publishes"),
    ("POST", f"{PUBLISH}/publishes/users"),
    ("POST", f"{DEVICES}/apns"),
    ("POST", f"{DEVICES}/fcm"),
    ("POST", f"{DEVICES}/web"),
    ("PUT", f"{DEVICES}/{{device}}/metadata"),
    ("PUT", f"{DEVICES}/{{device}}/token"),
    ("PUT", f"{DEVICES}/{{device}}/interests"),
    ("POST", EVENTS),
    ("POST", "/reporting_api/v1/instances/{instance}/events"),
]
#: Every key that means something to some endpoint, with a value that is right for it.
MEANINGFUL: Mapping[str, object] = {
    **HELLO,
    "interests": ["news"],
    "users": ["alice"],
    "apns": {"aps": {"alert": "Hello", "content-available": 1}, "data": {"a": "b"}},
    "fcm": {"notification": {"title": "Hello"}, "data": {"a": "b"}},
    "bundleIdentifier": "com.example.app",
    "knownPreviousClientIds": [],
    "metadata": {"sdkVersion": "1"},
    "event": "Open",
    "publishId": "pubid-1",
    "deviceId": "web-1",
    "timestampSecs": 1_700_000_000,
    "eventType": "Open",
    "userId": "alice",
}
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]
WORDS = [
    "publish_api", "customer_api", "user_api", "device_api", "reporting_api", "admin_api",
    "v1", "v2", "instances", "publishes", "users", "interests", "devices", "events", "timeline",
    "apns", "fcm", "web", "token", "user", "metadata", "web-vapid-public-key", "health", "ready",
]  # fmt: skip

# All of Unicode, also halves of surrogate pairs, which JSON can carry and UTF-8 can't.
any_text = st.text(st.characters(), max_size=200) | st.sampled_from(
    ["\x00", "\ud800", "a\udfff", "𐍈" * 164, "'", '"', "%", "../", "\u202e", "a" * 5000]
)
any_number = st.integers() | st.floats() | st.sampled_from([2**31, 2**63, -(2**63) - 1, 10**400])
any_json = st.recursive(
    st.none() | st.booleans() | any_number | any_text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(any_text, inner, max_size=5),
    max_leaves=20,
)
# RFC 9110, section 5.5: visible characters, blanks, and anything beyond ASCII.
any_header = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=200
)
any_segment = (
    st.sampled_from(WORDS)
    | any_text.map(lambda text: quote(text.encode(errors="surrogatepass"), safe=""))
    | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
    | st.sampled_from(["", ".", "..", "%", "%2", "%zz", "%00", "%FF", "%2F", "?", "#", ";a=b"])
)
thorough = settings(max_examples=50, deadline=None)


@pytest.fixture(scope="module")
def device(instance: Instance) -> str:
    """The path of a device below /devices."""
    return f"fcm/{instance.devices.new('fcm')}"


def assert_readable(reply: Reply) -> None:
    assert reply.status < 500, reply
    assert reply.status not in {201, 202, 204}, reply
    if reply.status != OK:
        refusal_text(reply)


def send(
    instance: Instance,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send what may be rubbish with everything else in order."""
    right = {**instance.publish.authorization, "Content-Type": "application/json"}
    return instance.client.request(method, path, body=body, headers={**right, **(headers or {})})


@pytest.mark.parametrize(("method", "route"), JSON_ROUTES)
@settings(thorough)
@given(body=any_json)
def test_any_json_is_answered(
    instance: Instance, device: str, method: str, route: str, body: object
) -> None:
    path = route.format(instance=instance.id, device=device)
    assert_readable(send(instance, method, path, json.dumps(body).encode()))


@pytest.mark.parametrize(("method", "route"), JSON_ROUTES)
@settings(thorough)
@given(key=st.sampled_from([*MEANINGFUL, "token"]), value=any_json)
@example(key="token", value="\ud800")
@example(key="token", value="")
@example(key="token", value="a\x00b")
@example(key="metadata", value={"a": "\ud800"})
@example(key="timestampSecs", value=10**400)
@example(key="timestampSecs", value=float("inf"))
@example(key="timestampSecs", value=float("nan"))
@example(key="timestampSecs", value=2**63)
@example(key="timestampSecs", value=-(2**63) - 1)
@example(key="timestampMs", value="9" * 5000)
@example(key="timestampMs", value=10**400)
@example(key="publishId", value="\ud800")
@example(key="deviceId", value="\x00")
@example(key="users", value=["\ud800"])
@example(key="users", value=["\x00"])
@example(key="users", value=[[]])
@example(key="interests", value=[{}])
@example(key="web", value={"time_to_live": 10**400})
@example(key="apns", value={"aps": {"alert": "\ud800"}})
@example(key="knownPreviousClientIds", value=["\ud800", 5, None])
def test_one_wrong_value_among_right_ones_is_answered(
    instance: Instance, device: str, method: str, route: str, key: str, value: object
) -> None:
    path = route.format(instance=instance.id, device=device)
    platform = route.rpartition("/")[2]
    right = {**MEANINGFUL, "token": new_push_token(platform if platform in WORDS else "fcm")}
    assert_readable(send(instance, method, path, json.dumps({**right, key: value}).encode()))


@pytest.mark.parametrize(("method", "route"), JSON_ROUTES)
@settings(thorough)
@given(body=st.binary(max_size=500))
@example(body=b"[" * 9000)
@example(body=b'{"a":' * 2000)
@example(body=b'{"users":' + b"[" * 9000)
@example(body=b'{"metadata":' + b'{"a":' * 1500 + b"1" + b"}" * 1501)
@example(body=b"9" * 9000)
@example(body=b"1e999999999")
@example(body=b"\xef\xbb\xbf{}")
@example(body='{"token": "a"}'.encode("utf-16"))
def test_any_bytes_are_answered(
    instance: Instance, device: str, method: str, route: str, body: bytes
) -> None:
    path = route.format(instance=instance.id, device=device)
    assert_readable(send(instance, method, path, body))


@settings(thorough, max_examples=200)
@given(method=st.sampled_from(METHODS), segments=st.lists(any_segment, max_size=8))
def test_any_path_is_answered(instance: Instance, method: str, segments: list[str]) -> None:
    assert_readable(send(instance, method, "/" + "/".join(segments)))


@pytest.mark.parametrize(
    ("method", "route"),
    [
        ("GET", f"{DEVICES}/{{rubbish}}"),
        ("GET", f"{DEVICES}/web/{{rubbish}}"),
        ("DELETE", f"{DEVICES}/web/{{rubbish}}"),
        ("PUT", f"{DEVICES}/web/{{rubbish}}/user"),
        ("PUT", f"{DEVICES}/web/{{rubbish}}/metadata"),
        ("PUT", f"{DEVICES}/web/{{rubbish}}/token"),
        ("GET", f"{DEVICES}/web/{{rubbish}}/interests"),
        ("PUT", f"{DEVICES}/web/{{rubbish}}/interests"),
        ("POST", f"{DEVICES}/web/{{rubbish}}/interests/news"),
        ("POST", f"{DEVICES}/{{device}}/interests/{{rubbish}}"),
        ("DELETE", f"{DEVICES}/{{device}}/interests/{{rubbish}}"),
        ("GET", f"{DEVICES}/{{device}}/interests?limit={{rubbish}}"),
        ("GET", f"{DEVICES}/{{device}}/interests?cursor={{rubbish}}"),
        ("GET", f"{DEVICES}/{{device}}/interests?{{rubbish}}"),
        ("GET", "/device_api/v1/instances/{rubbish}/web-vapid-public-key"),
        ("GET", "/device_api/v1/instances/{rubbish}/devices/{device}"),
        ("POST", "/device_api/v1/instances/{rubbish}/devices/fcm"),
        ("POST", "/publish_api/v1/instances/{rubbish}/publishes/users"),
        ("POST", "/reporting_api/v2/instances/{rubbish}/events"),
        ("POST", "/reporting_api/v1/instances/{instance}/event-type/{rubbish}"),
        ("DELETE", "/customer_api/v1/instances/{instance}/users/{rubbish}"),
        ("DELETE", "/user_api/v1/instances/{instance}/users/{rubbish}"),
        ("DELETE", "/customer_api/v1/instances/{rubbish}/users/alice"),
        ("GET", f"{ADMIN}/publishes?{{rubbish}}"),
        ("GET", f"{ADMIN}/publishes?limit={{rubbish}}"),
        ("GET", f"{ADMIN}/publishes?cursor={{rubbish}}"),
        ("GET", f"{ADMIN}/publishes?state={{rubbish}}"),
        ("GET", f"{ADMIN}/publishes?audience={{rubbish}}"),
        ("GET", f"{ADMIN}/publishes?since={{rubbish}}&until={{rubbish}}"),
        ("GET", f"{ADMIN}/publishes/{{rubbish}}"),
        ("GET", f"{ADMIN}/publishes/{{rubbish}}/users"),
        ("GET", f"{ADMIN}/users/{{rubbish}}/timeline"),
        ("GET", f"{ADMIN}/users/alice/timeline?publish={{rubbish}}"),
        ("GET", "/admin_api/v1/instances/{rubbish}/publishes"),
        # What any filter there is answered with, test_live.py asks: that answer has no end.
        ("GET", "/admin_api/v1/instances/{rubbish}/events"),
    ],
)
@settings(thorough)
@given(rubbish=any_segment)
def test_any_id_in_a_path_is_answered(
    instance: Instance, device: str, method: str, route: str, rubbish: str
) -> None:
    path = route.format(instance=instance.id, device=device, rubbish=rubbish)
    token = new_push_token("fcm")
    body = json.dumps({**MEANINGFUL, "token": token}).encode()
    has_body = method in {"POST", "PUT"}
    assert_readable(send(instance, method, path, body if has_body else None))


@settings(thorough)
@given(
    name=st.sampled_from(
        ["Authorization", "Content-Type", "X-Pusher-Library", "User-Agent", "Accept", "Origin"]
    ),
    value=any_header,
)
@pytest.mark.parametrize(("method", "route"), JSON_ROUTES)
def test_any_header_is_answered(
    instance: Instance, device: str, method: str, route: str, name: str, value: str
) -> None:
    path = route.format(instance=instance.id, device=device)
    body = json.dumps({**MEANINGFUL, "token": new_push_token("fcm")}).encode()
    assert_readable(send(instance, method, path, body, {name: value}))


@pytest.mark.parametrize(
    ("method", "route"),
    [
        ("PUT", f"{DEVICES}/{{device}}/user"),
        ("POST", f"{PUBLISH}/publishes/users"),
        ("DELETE", "/customer_api/v1/instances/{instance}/users/alice"),
        ("GET", f"{ADMIN}/publishes"),
        ("GET", f"{ADMIN}/publishes/pubid-1/users"),
        ("GET", f"{ADMIN}/users/alice/timeline"),
    ],
)
@settings(thorough)
@given(authorization=any_header | any_header.map(lambda text: f"Bearer {text}"))
@example(authorization="Bearer \xff.\xff.\xff")
@example(authorization="Bearer " + "a" * 8000)
@example(authorization="Bearer " + "." * 2000)
def test_any_authorization_is_answered(
    instance: Instance, device: str, method: str, route: str, authorization: str
) -> None:
    path = route.format(instance=instance.id, device=device)
    body = json.dumps(MEANINGFUL).encode() if method == "POST" else None
    reply = send(instance, method, path, body, {"Authorization": authorization})
    assert_readable(reply)
    assert reply.status in {400, 401}


def claims_with(instance: Instance, changes: Mapping[str, object]) -> str:
    return json.dumps({**instance.claims("alice"), **changes})


@settings(thorough, max_examples=200)
@given(
    changes=st.dictionaries(
        st.sampled_from(["iss", "sub", "exp", "iat", "nbf", "aud", "jti"]), any_json, max_size=3
    )
)
@example(changes={"exp": 10**400})
@example(changes={"exp": float("inf")})
@example(changes={"exp": float("nan")})
@example(changes={"exp": 1e300})
@example(changes={"exp": "10" * 100})
@example(changes={"iat": float("inf")})
@example(changes={"nbf": "tomorrow"})
@example(changes={"aud": ["anyone"]})
@example(changes={"sub": "\ud800"})
@example(changes={"sub": "a\x00b"})
@example(changes={"sub": "𐍈" * 164})
@example(changes={"iss": "\ud800"})
@example(changes={"iss": []})
@example(changes={"iss": "https://[::1"})
@example(changes={"jti": 5})
def test_any_claims_are_answered(instance: Instance, changes: dict[str, Any]) -> None:
    claims = claims_with(instance, changes)
    assert_token_is_answered(instance, json.dumps(dict(HEADER)), claims)


@settings(thorough, max_examples=200)
@given(header=any_json | st.dictionaries(st.sampled_from(["alg", "typ", "crit", "kid"]), any_json))
@example(header={"alg": ["HS256"]})
@example(header={"alg": "HS256", "kid": 5})
@example(header={"alg": "HS256", "crit": "exp"})
@example(header={"alg": "HS256", "b64": False, "crit": ["b64"]})
def test_any_token_header_is_answered(instance: Instance, header: object) -> None:
    assert_token_is_answered(instance, json.dumps(header), claims_with(instance, {}))


@settings(thorough)
@given(claims=any_text | any_json.map(json.dumps))
@example(claims="[" * 5000)
def test_any_token_content_is_answered(instance: Instance, claims: str) -> None:
    readable = claims.encode(errors="replace").decode()
    assert_token_is_answered(instance, json.dumps(dict(HEADER)), readable)


def assert_token_is_answered(instance: Instance, header: str, claims: str) -> None:
    token = beams_token_of_parts(header, claims, hmac_signer(instance.secret_key.encode()))
    device_id = instance.devices.new("web")
    assert_readable(instance.devices.put_user(device_id, token))
    assert_readable(instance.devices.get(device_id))
