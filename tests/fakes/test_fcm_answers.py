"""The fake FCM takes what known-good clients send, and answers as it is told to."""

import json

import pytest
import requests
from google.auth.exceptions import GoogleAuthError

from tests.fakes.fcm_requests import Account, Send, access_token, firebase_admin, rules
from tests.fcm_service import Answer, FcmService, fcm_error, invalid_field, invalid_token

PAGE = "<!DOCTYPE html><title>Error</title>"
LATER = {"Retry-After": "Wed, 21 Oct 2037 07:28:00 GMT"}


def test_googles_own_library_gets_a_token_and_a_message_through(
    fcm: FcmService, send: Send, token: str
) -> None:
    answer = send({"token": token, "data": {"a": "b"}})
    assert (answer.status_code, fcm.messages(token)[0]["message"]) == (200, {"data": {"a": "b"}})
    assert fcm.refusals() == []


def test_googles_own_sdk_gets_messages_through(
    fcm: FcmService, account: Account, token: str
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
    [first, second] = firebase_admin(fcm, account, everything, {"token": token})
    assert fcm.refusals() == []
    assert first.startswith(f"projects/{account['project_id']}/messages/")
    assert second != first
    received, _ = [one["message"] for one in fcm.messages(token)]
    assert received["android"]["ttl"] == "3600s"
    assert received["android"]["notification"]["vibrate_timings"] == [
        "0.100000000s",
        "0.200000000s",
    ]
    assert fcm.token_requests() == [200]


def test_googles_own_sdk_understands_the_errors(fcm: FcmService, account: Account) -> None:
    project, data = account["project_id"], {"data": {"a": "b"}}
    mine, [foreign] = fcm.new_devices(project, 4), fcm.new_devices("other-project", 1)
    fcm.answer_next(mine[0], invalid_field("message.data[0].value"))
    fcm.answer_next(mine[1], fcm_error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"))
    fcm.answer_next(mine[2], fcm_error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"))
    fcm.answer_next(mine[3], fcm_error(500, "INTERNAL", "INTERNAL"))
    devices = ["unknown" * 20, "short", foreign, *mine]
    found = firebase_admin(fcm, account, *[{"token": one, **data} for one in devices])
    assert found == [
        "messaging/registration-token-not-registered",
        "messaging/invalid-argument",
        "messaging/mismatched-credential",
        "messaging/invalid-argument",
        "messaging/message-rate-exceeded",
        "messaging/third-party-auth-error",
        "messaging/internal-error",
    ]
    assert rules(fcm) == ["unknown-token", "token", "sender-id"]


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
def test_any_answer_can_be_ordered(fcm: FcmService, send: Send, token: str, answer: Answer) -> None:
    fcm.answer_next(token, answer)
    found = send({"token": token})
    body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    assert (found.status_code, found.text) == (answer.status, body)
    assert dict(answer.headers).items() <= {**found.headers, **answer.headers}.items()
    assert found.headers.get("retry-after") == answer.headers.get("Retry-After")
    assert len(fcm.messages(token)) == answer.delivers
    assert send({"token": token}).status_code == 200
    assert rules(fcm) == []


def test_a_connection_can_be_cut_instead_of_an_answer(
    fcm: FcmService, send: Send, token: str
) -> None:
    fcm.answer_next(token, Answer(status=503, cut=True))
    with pytest.raises(requests.ConnectionError):
        send({"token": token})
    assert send({"token": token}).status_code == 200


def test_what_is_only_to_be_validated_is_received_by_no_device(
    fcm: FcmService, send: Send, token: str
) -> None:
    checked = {"validate_only": True, "message": {"token": token, "data": {"a": "b"}}}
    assert send({}, json=checked).status_code == 200
    assert [one["message"] for one in fcm.validated(token)] == [{"data": {"a": "b"}}]
    assert fcm.messages(token) == []


def test_a_device_may_be_given_too_many(
    fcm: FcmService, account: Account, send: Send, token: str
) -> None:
    [other] = fcm.new_devices(account["project_id"], 1)
    fcm.limit_device_rate(2)
    found = [send({"token": one}).status_code for one in (token, token, token, other)]
    assert (found, rules(fcm)) == ([200, 200, 429, 200], [])


def test_an_access_token_can_be_short_lived_revoked_or_refused(
    fcm: FcmService, account: Account, session: requests.Session, send: Send, token: str
) -> None:
    def status_with(bearer: str) -> int:
        headers = {"Authorization": f"Bearer {bearer}"}
        return send({"token": token}, headers=headers).status_code

    fcm.limit_token_lifetime(0)
    assert status_with(access_token(fcm, account, session)) == 401
    assert rules(fcm) == ["bearer"]
    fcm.reset()
    good = access_token(fcm, account, session)
    assert status_with(good) == 200
    fcm.revoke_access_tokens()
    assert status_with(good) == 401
    assert status_with(access_token(fcm, account, session)) == 200
    denied = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    fcm.answer_next_token_request(Answer(status=400, body=denied))
    with pytest.raises(GoogleAuthError, match="invalid_grant"):
        access_token(fcm, account, session)
    assert fcm.token_requests() == [200, 200, 400]
    assert rules(fcm) == []
