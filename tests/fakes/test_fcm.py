"""The fake FCM takes what known-good clients send, and refuses each single fault."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import jwt
import pytest
import requests
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request as Transport
from google.oauth2 import service_account

from tests.fcm_service import Answer, FcmService, fcm_error, invalid_field, invalid_token

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
NODE = Path(sys.executable).with_name("node")
JAVASCRIPT = Path(__file__).parent.parent / "javascript"
FIREBASE_ADMIN = Path(__file__).parent / "firebase_admin.js"
Account: TypeAlias = dict[str, str]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FcmService]:
    with FcmService.start(tmp_path_factory.mktemp("fcm")) as service:
        yield service


@pytest.fixture
def fake(running: FcmService) -> FcmService:
    running.reset()
    return running


@pytest.fixture(scope="module")
def account(running: FcmService) -> Account:
    return running.new_account()


@pytest.fixture(scope="module")
def session(running: FcmService) -> Iterator[requests.Session]:
    with requests.Session() as session:
        # Else a CA of the environment would win over this one.
        session.trust_env = False
        session.verify = str(running.ca_file)
        yield session


@pytest.fixture(scope="module")
def bearer(running: FcmService, account: Account, session: requests.Session) -> str:
    return f"Bearer {access_token(running, account, session)}"


@pytest.fixture
def token(fake: FcmService, account: Account) -> str:
    return fake.new_devices(account["project_id"], 1)[0]


@pytest.fixture
def send(fake: FcmService, account: Account, session: requests.Session, bearer: str) -> "Send":
    def post(message: dict[str, Any], **changed: Any) -> requests.Response:
        url = f"{fake.url}/v1/projects/{account['project_id']}/messages:send"
        request = {"json": {"message": message}, "headers": {"Authorization": bearer}, **changed}
        return session.request(request.pop("method", "POST"), request.pop("url", url), **request)

    return post


Send: TypeAlias = Callable[..., requests.Response]


def access_token(fake: FcmService, account: Account, session: requests.Session) -> str:
    """What Google's own library gets from the token endpoint."""
    info = {**account, "token_uri": fake.token_url}
    credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
        info, scopes=[SCOPE]
    )
    credentials.refresh(Transport(session=session))
    return str(credentials.token)


def rules(fake: FcmService) -> list[str]:
    return [one["rule"] for one in fake.refusals()]


def firebase_admin(fake: FcmService, account: Account, *messages: dict[str, Any]) -> list[str]:
    """What Google's own SDK for Node makes of sending: ids, and codes of errors."""
    wish = {
        "port": fake.ports["https"],
        "ca": str(fake.ca_file),
        "account": account,
        "messages": messages,
    }
    ran = subprocess.run(
        [str(NODE), str(FIREBASE_ADMIN)],
        cwd=JAVASCRIPT,
        input=json.dumps(wish),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout, ran.stderr
    return list(json.loads(ran.stdout))


def test_googles_own_library_gets_a_token_and_a_message_through(
    fake: FcmService, send: Send, token: str
) -> None:
    answer = send({"token": token, "data": {"a": "b"}})
    assert (answer.status_code, fake.messages(token)[0]["message"]) == (200, {"data": {"a": "b"}})
    assert fake.refusals() == []


def test_googles_own_sdk_gets_messages_through(
    fake: FcmService, account: Account, token: str
) -> None:
    everything = {
        "token": token,
        "data": {"a": "b"},
        "notification": {"title": "t", "body": "b", "imageUrl": "https://example.com/i.png"},
        "android": {
            "collapseKey": "c",
            "priority": "high",
            "ttl": 3600000,
            "restrictedPackageName": "com.example.app",
            "directBootOk": True,
            "data": {"c": "d"},
            "notification": {
                "color": "#aabbcc",
                "channelId": "news",
                "bodyLocKey": "k",
                "bodyLocArgs": ["x"],
                "vibrateTimingsMillis": [100, 200],
                "visibility": "public",
                "notificationCount": 2,
            },
        },
        "apns": {"headers": {"apns-priority": "5"}, "payload": {"aps": {"badge": 1}}},
        "webpush": {"headers": {"TTL": "60"}, "fcmOptions": {"link": "https://example.com/"}},
        "fcmOptions": {"analyticsLabel": "label"},
    }
    [first, second] = firebase_admin(fake, account, everything, {"token": token})
    assert fake.refusals() == []
    assert first.startswith(f"projects/{account['project_id']}/messages/")
    assert second != first
    received, _ = [one["message"] for one in fake.messages(token)]
    assert received["android"]["ttl"] == "3600s"
    assert received["android"]["notification"]["vibrate_timings"] == [
        "0.100000000s",
        "0.200000000s",
    ]
    assert fake.token_requests() == [200]


def test_googles_own_sdk_understands_the_errors(fake: FcmService, account: Account) -> None:
    project, data = account["project_id"], {"data": {"a": "b"}}
    mine, [foreign] = fake.new_devices(project, 4), fake.new_devices("other-project", 1)
    fake.answer_next(mine[0], invalid_field("message.data[0].value"))
    fake.answer_next(mine[1], fcm_error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"))
    fake.answer_next(mine[2], fcm_error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"))
    fake.answer_next(mine[3], fcm_error(500, "INTERNAL", "INTERNAL"))
    devices = ["unknown" * 20, "short", foreign, *mine]
    found = firebase_admin(fake, account, *[{"token": one, **data} for one in devices])
    assert found == [
        "messaging/registration-token-not-registered",
        "messaging/invalid-argument",
        "messaging/mismatched-credential",
        "messaging/invalid-argument",
        "messaging/message-rate-exceeded",
        "messaging/third-party-auth-error",
        "messaging/internal-error",
    ]
    assert rules(fake) == ["unknown-token", "token", "sender-id"]


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
    fake: FcmService, send: Send, token: str, message: dict[str, Any], rule: str
) -> None:
    for sent, expected in (({"token": token}, []), ({"token": token, **message}, [rule])):
        assert send(sent).status_code == {"unknown-token": 404}.get(rule, 400) if expected else 200
        assert rules(fake) == expected


JSON = {"Content-Type": "application/json"}


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
    fake: FcmService,
    account: Account,
    send: Send,
    bearer: str,
    status: int,
    rule: str,
    change: Callable[[str, str], dict[str, Any]],
) -> None:
    url = f"{fake.url}/v1/projects/{account['project_id']}/messages:send"
    answer = send({"token": "t"}, **change(url, bearer))
    assert (answer.status_code, rules(fake)) == (status, [rule])
    assert (rule == "path") == (not answer.headers["content-type"].startswith("application/json"))


def as_text(bearer: str, content_type: str) -> dict[str, Any]:
    headers = {"Authorization": bearer, "Content-Type": content_type}
    return {"json": None, "data": '{"message":', "headers": headers}


def test_a_token_of_another_project_is_refused(fake: FcmService, send: Send) -> None:
    [foreign] = fake.new_devices("other-project", 1)
    assert (send({"token": foreign}).status_code, rules(fake)) == (403, ["sender-id"])


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
    fake: FcmService,
    account: Account,
    session: requests.Session,
    claims: dict[str, object],
    header: dict[str, str],
    form: dict[str, str],
    rule: str,
) -> None:
    for changed, kid, other, expected in (({}, {}, {}, []), (claims, header, form, [rule])):
        right = {"grant_type": GRANT, "assertion": assertion(fake, account, changed, kid)}
        answer = session.post(fake.token_url, data={**right, **other}, timeout=10)
        assert answer.json().get("error", "") == "".join(expected)
        assert rules(fake) == expected


def assertion(
    fake: FcmService, account: Account, claims: dict[str, Any], header: dict[str, str]
) -> str:
    now = int(time.time())
    right = {
        "iss": account["client_email"],
        "scope": SCOPE,
        "aud": fake.token_url,
        "iat": now,
        "exp": now + 3600,
    }
    headers = {"kid": account["private_key_id"], **header}
    return jwt.encode({**right, **claims}, account["private_key"], "RS256", headers)


def test_an_assertion_must_be_signed_by_the_accounts_key_and_come_as_a_form(
    fake: FcmService, account: Account, session: requests.Session
) -> None:
    other = {**fake.new_account(), "client_email": account["client_email"]}
    other["private_key_id"] = account["private_key_id"]
    right = {"grant_type": GRANT, "assertion": assertion(fake, account, {}, {})}
    forged = {**right, "assertion": assertion(fake, other, {}, {})}
    hmac = {**right, "assertion": jwt.encode({"iss": account["client_email"]}, "k" * 32)}
    for form in (forged, hmac):
        assert session.post(fake.token_url, data=form, timeout=10).status_code == 400
    assert session.post(fake.token_url, json=right, timeout=10).status_code == 400
    assert rules(fake) == ["invalid_grant", "invalid_grant", "invalid_request"]


PAGE = "<!DOCTYPE html><title>Error</title>"
LATER = {"Retry-After": "Wed, 21 Oct 2037 07:28:00 GMT"}


@pytest.mark.parametrize(
    "answer",
    [
        invalid_field("message.data[0].value"),
        invalid_token(),
        Answer(status=404, body=PAGE, headers={"content-type": "text/html"}),
        Answer(status=502, body=PAGE, headers={"content-type": "text/html"}),
        Answer(status=429, headers={"Retry-After": "30"}),
        Answer(status=429, headers=LATER),
        fcm_error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
        fcm_error(503, "UNAVAILABLE", "UNAVAILABLE"),
        Answer(status=503, delivers=True),
        Answer(status=200, body='{"error": {"code": 4'),
    ],
)
def test_any_answer_can_be_ordered(
    fake: FcmService, send: Send, token: str, answer: Answer
) -> None:
    fake.answer_next(token, answer)
    found = send({"token": token})
    body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    assert (found.status_code, found.text) == (answer.status, body)
    assert dict(answer.headers).items() <= {**found.headers, **answer.headers}.items()
    assert found.headers.get("retry-after") == answer.headers.get("Retry-After")
    assert len(fake.messages(token)) == answer.delivers
    assert send({"token": token}).status_code == 200
    assert rules(fake) == []


def test_a_connection_can_be_cut_instead_of_an_answer(
    fake: FcmService, send: Send, token: str
) -> None:
    fake.answer_next(token, Answer(status=503, cut=True))
    with pytest.raises(requests.ConnectionError):
        send({"token": token})
    assert send({"token": token}).status_code == 200


def test_what_is_only_to_be_validated_is_received_by_no_device(
    fake: FcmService, send: Send, token: str
) -> None:
    checked = {"validate_only": True, "message": {"token": token, "data": {"a": "b"}}}
    assert send({}, json=checked).status_code == 200
    assert [one["message"] for one in fake.validated(token)] == [{"data": {"a": "b"}}]
    assert fake.messages(token) == []


def test_a_device_may_be_given_too_many(
    fake: FcmService, account: Account, send: Send, token: str
) -> None:
    [other] = fake.new_devices(account["project_id"], 1)
    fake.limit_device_rate(2)
    found = [send({"token": one}).status_code for one in (token, token, token, other)]
    assert (found, rules(fake)) == ([200, 200, 429, 200], [])


def test_an_access_token_can_be_short_lived_revoked_or_refused(
    fake: FcmService, account: Account, session: requests.Session, send: Send, token: str
) -> None:
    def status_with(bearer: str) -> int:
        headers = {"Authorization": f"Bearer {bearer}"}
        return send({"token": token}, headers=headers).status_code

    fake.limit_token_lifetime(0)
    assert status_with(access_token(fake, account, session)) == 401
    assert rules(fake) == ["bearer"]
    fake.reset()
    good = access_token(fake, account, session)
    assert status_with(good) == 200
    fake.revoke_access_tokens()
    assert status_with(good) == 401
    assert status_with(access_token(fake, account, session)) == 200
    denied = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    fake.answer_next_token_request(Answer(status=400, body=denied))
    with pytest.raises(GoogleAuthError, match="invalid_grant"):
        access_token(fake, account, session)
    assert fake.token_requests() == [200, 200, 400]
    assert rules(fake) == []
