"""The fake FCM refuses each single fault of a request."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests

from tests.fakes.fcm_requests import SCOPE, Account, Send, rules
from tests.fcm_service import FcmService

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ({"data": {"a": 1}}, "schema"),
        ({"data": {"a": None}}, "schema"),
        ({"surprise": {}}, "schema"),
        ({"notification": {"icon": "i"}}, "schema"),
        ({"android": {"surprise": {}}}, "schema"),
        ({"android": {"ttl": 3600}}, "schema"),
        ({"android": {"ttl": "3600"}}, "schema"),
        ({"android": {"ttl": "-1s"}}, "schema"),
        ({"android": {"priority": "urgent"}}, "schema"),
        ({"android": {"notification": {"sticky": "yes"}}}, "schema"),
        ({"apns": {"headers": {"apns-priority": 5}}}, "schema"),
        ({"topic": "news"}, "target"),
        ({"fid": "f" * 22}, "target"),
        ({"android": {}, "android_v2": {}}, "android-twice"),
        ({"android": {}, "androidV2": {}}, "android-twice"),
        ({"data": {"from": "x"}}, "reserved"),
        ({"data": {"message_type": "x"}}, "reserved"),
        ({"data": {"google.a": "x"}}, "reserved"),
        ({"data": {"gcm.notification.a": "x"}}, "reserved"),
        ({"android": {"data": {"from": "x"}}}, "reserved"),
        ({"android": {"ttl": "2419201s"}}, "ttl"),
        ({"android": {"notification": {"color": "red"}}}, "color"),
        ({"android": {"notification": {"body_loc_args": ["a"]}}}, "loc-args"),
        ({"android": {"notification": {"titleLocArgs": ["a"]}}}, "loc-args"),
        ({"data": {"a": "x" * 4096}}, "size"),
        ({"notification": {"body": "ż" * 2047}}, "size"),
        ({"token": "short"}, "token"),
        ({"token": "with space " * 10}, "token"),
        ({"token": "unknown" * 20}, "unknown-token"),
    ],
)
def test_one_fault_of_a_message_is_refused_for_its_one_rule(
    fcm: FcmService, send: Send, token: str, message: dict[str, Any], rule: str
) -> None:
    for sent, expected in (({"token": token}, []), ({"token": token, **message}, [rule])):
        assert send(sent).status_code == {"unknown-token": 404}.get(rule, 400) if expected else 200
        assert rules(fcm) == expected


@pytest.mark.parametrize(
    ("status", "rule", "change"),
    [
        (404, "path", lambda url, _: {"url": url.replace("/v1/", "/v2/")}),
        (404, "path", lambda url, _: {"url": url.replace(":send", "")}),
        (404, "path", lambda _url, _bearer: {"method": "PUT"}),
        (403, "project", lambda url, _: {"url": url.replace("projects/", "projects/x")}),
        (401, "bearer", lambda _url, _bearer: {"headers": {}}),
        (401, "bearer", lambda _url, bearer: {"headers": {"Authorization": bearer + "x"}}),
        (401, "bearer", lambda _url, bearer: {"headers": {"Authorization": bearer[7:]}}),
        (400, "content-type", lambda _url, bearer: as_text(bearer, "text/plain")),
        (400, "json", lambda _url, bearer: as_text(bearer, "application/json")),
    ],
)
def test_one_fault_of_a_request_is_refused_for_its_one_rule(  # noqa: PLR0913, PLR0917
    fcm: FcmService,
    account: Account,
    send: Send,
    bearer: str,
    status: int,
    rule: str,
    change: Callable[[str, str], dict[str, Any]],
) -> None:
    url = f"{fcm.url}/v1/projects/{account['project_id']}/messages:send"
    answer = send({"token": "t"}, **change(url, bearer))
    assert (answer.status_code, rules(fcm)) == (status, [rule])
    assert (rule == "path") == (not answer.headers["content-type"].startswith("application/json"))


def as_text(bearer: str, content_type: str) -> dict[str, Any]:
    headers = {"Authorization": bearer, "Content-Type": content_type}
    return {"json": None, "data": '{"message":', "headers": headers}


def test_a_token_of_another_project_is_refused(fcm: FcmService, send: Send) -> None:
    [foreign] = fcm.new_devices("other-project", 1)
    assert (send({"token": foreign}).status_code, rules(fcm)) == (403, ["sender-id"])


@pytest.mark.parametrize(
    ("claims", "header", "form", "rule"),
    [
        ({"aud": "https://oauth2.example/token"}, {}, {}, "invalid_grant"),
        ({"iss": "somebody@else.example"}, {}, {}, "invalid_grant"),
        ({"exp": int(time.time()) + 7200}, {}, {}, "invalid_grant"),
        ({"iat": int(time.time()) + 3000}, {}, {}, "invalid_grant"),
        ({"iat": int(time.time()) - 3590, "exp": int(time.time()) - 9}, {}, {}, "invalid_grant"),
        ({"iat": "now"}, {}, {}, "invalid_grant"),
        ({"exp": time.time() + 3000}, {}, {}, "invalid_grant"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, {}, {}, "invalid_scope"),
        ({}, {"kid": "other"}, {}, "invalid_grant"),
        ({}, {}, {"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({}, {}, {"assertion": "a.b.c"}, "invalid_grant"),
        ({}, {}, {"assertion": ""}, "invalid_grant"),
    ],
)
def test_one_fault_of_an_assertion_is_refused(  # noqa: PLR0913, PLR0917
    fcm: FcmService,
    account: Account,
    session: requests.Session,
    claims: dict[str, object],
    header: dict[str, str],
    form: dict[str, str],
    rule: str,
) -> None:
    for changed, kid, other, expected in (({}, {}, {}, []), (claims, header, form, [rule])):
        right = {"grant_type": GRANT, "assertion": assertion(fcm, account, changed, kid)}
        answer = session.post(fcm.token_url, data={**right, **other}, timeout=10)
        assert answer.json().get("error", "") == "".join(expected)
        assert rules(fcm) == expected


def assertion(
    fcm: FcmService, account: Account, claims: dict[str, Any], header: dict[str, str]
) -> str:
    now = int(time.time())
    right = {
        "iss": account["client_email"],
        "scope": SCOPE,
        "aud": fcm.token_url,
        "iat": now,
        "exp": now + 3600,
    }
    headers = {"kid": account["private_key_id"], **header}
    return jwt.encode({**right, **claims}, account["private_key"], "RS256", headers)


def test_an_assertion_must_be_signed_by_the_accounts_key_and_come_as_a_form(
    fcm: FcmService, account: Account, session: requests.Session
) -> None:
    other = {**fcm.new_account(), "client_email": account["client_email"]}
    other["private_key_id"] = account["private_key_id"]
    right = {"grant_type": GRANT, "assertion": assertion(fcm, account, {}, {})}
    forged = {**right, "assertion": assertion(fcm, other, {}, {})}
    hmac = {**right, "assertion": jwt.encode({"iss": account["client_email"]}, "k" * 32)}
    for form in (forged, hmac):
        assert session.post(fcm.token_url, data=form, timeout=10).status_code == 400
    assert session.post(fcm.token_url, json=right, timeout=10).status_code == 400
    assert rules(fcm) == ["invalid_grant", "invalid_grant", "invalid_request"]
