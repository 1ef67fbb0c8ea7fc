"""What each answer of FCM and of Google's token endpoint leads to, through the whole path."""

from functools import partial
from pathlib import Path

import pytest

from tests.browsers import new_name
from tests.delivery.outcomes import is_refused, is_there
from tests.fcm_service import Answer, FcmService, fcm_error
from tests.phones import android, done, set_service_account
from tests.server import Server
from tests.waiting import eventually, finished

DATA = {"fcm": {"data": {"n": 1}}}
ABOUT_THE_TOKEN = "The registration token is not a valid FCM registration token"


def data_for(seconds: int) -> dict[str, object]:
    return {"fcm": {"data": {"n": 1}, "time_to_live": seconds}}


def invalid_argument(message: str, *violations: object) -> Answer:
    """One of the two 400s: about the message (violations), or about the push token."""
    answer = fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT")
    error = answer.body["error"]
    bad_request = {"@type": "type.googleapis.com/google.rpc.BadRequest"}
    named = [{**bad_request, "fieldViolations": list(violations)}] if violations else []
    body = {"error": {**error, "message": message, "details": [*error["details"], *named]}}
    return Answer(status=400, body=body)


def test_the_answer_decides_over_message_and_phone(
    own_server: Server, fcm_service: FcmService, tmp_path: Path
) -> None:
    account = set_service_account(own_server, fcm_service, tmp_path)
    user, instance = new_name("alice"), own_server.instance
    later = [
        fcm_error(500, "INTERNAL", "INTERNAL"),
        Answer(status=502, body="<html>"),
        fcm_error(503, "UNAVAILABLE", "UNAVAILABLE"),
        Answer(status=504, body="<html>"),
    ]
    dropped = [
        invalid_argument("bad field", {"field": "message.data[0].value"}),
        fcm_error(400, "INVALID_ARGUMENT"),
        Answer(status=418),
    ]
    removed = [
        fcm_error(404, "NOT_FOUND", "UNREGISTERED"),
        fcm_error(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
        invalid_argument(ABOUT_THE_TOKEN),
    ]
    answers = [*later, *dropped, *removed]
    tokens = fcm_service.new_devices(account["project_id"], len(answers) + 10)
    devices = [android(instance, token, user=user) for token in tokens]
    for token, answer in zip(tokens, answers, strict=False):
        fcm_service.answer_next(token, answer)
    reply = instance.publish.to_users([user], DATA)
    report = finished(own_server, reply.json()["publishId"], platform="fcm", within_s=60)
    assert (report["delivered"], report["failed"], report["removed"]) == (14, 3, 3)
    assert report["retried"] == len(later)
    tries = [len(fcm_service.requests(token)) for token in tokens]
    assert tries == [2] * len(later) + [1] * (len(tokens) - len(later))
    kept = [is_there(own_server, device_id) for device_id in devices]
    assert kept == [True] * 7 + [False] * 3 + [True] * 10


@pytest.mark.parametrize(
    ("headers", "least_s"), [({}, 30), ({"Retry-After": "900"}, 900)], ids=["alone", "asked"]
)
def test_a_used_up_quota_is_left_alone_for_a_while(
    own_server: Server,
    fcm_service: FcmService,
    tmp_path: Path,
    headers: dict[str, str],
    least_s: int,
) -> None:
    account = set_service_account(own_server, fcm_service, tmp_path)
    user, instance = new_name("alice"), own_server.instance
    [token] = fcm_service.new_devices(account["project_id"], 1)
    android(instance, token, user=user)
    busy = fcm_error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
    fcm_service.answer_next(token, Answer(status=429, body=busy.body, headers=headers))
    # Given up at once, since it would have to wait for longer than anybody wants it.
    reply = instance.publish.to_users([user], data_for(least_s - 1))
    report = finished(own_server, reply.json()["publishId"], platform="fcm")
    assert report["reasons"] == {"failed: HTTP 429 QUOTA_EXCEEDED": 1}
    assert len(fcm_service.requests(token)) == 1


def test_what_speaks_against_the_credential_pauses_and_goes_out_with_another(
    own_server: Server, fcm_service: FcmService, tmp_path: Path
) -> None:
    instance = own_server.instance
    account = set_service_account(own_server, fcm_service, tmp_path)
    again = ["gateway", "set", "fcm", "--service-account", str(tmp_path / "service-account.json")]
    unauthenticated = fcm_error(401, "UNAUTHENTICATED")
    for answers, word in [
        ([fcm_error(403, "PERMISSION_DENIED")], "PERMISSION_DENIED"),
        ([fcm_error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")], "THIRD_PARTY_AUTH_ERROR"),
        ([Answer(status=404, body="<html>")], "HTTP 404"),
        # The access token is renewed once before that is said of the account.
        ([unauthenticated, unauthenticated], "UNAUTHENTICATED"),
    ]:
        user, [token] = new_name("alice"), fcm_service.new_devices(account["project_id"], 1)
        device_id = android(instance, token, user=user)
        fcm_service.answer_next(token, *answers)
        reply = instance.publish.to_users([user], DATA)
        eventually(partial(is_refused, own_server, word))
        assert len(fcm_service.requests(token)) == len(answers)
        done(own_server, *again)
        report = finished(own_server, reply.json()["publishId"], platform="fcm")
        assert (report["delivered"], report["removed"]) == (1, 0)
        assert is_there(own_server, device_id)


@pytest.mark.parametrize(
    ("status", "word"),
    [(400, "invalid_grant"), (400, "invalid_scope"), (401, "invalid_client")],
)
def test_an_account_that_gets_no_access_token_is_a_refused_credential(
    own_server: Server, fcm_service: FcmService, tmp_path: Path, status: int, word: str
) -> None:
    account = set_service_account(own_server, fcm_service, tmp_path)
    user, instance = new_name("alice"), own_server.instance
    [token] = fcm_service.new_devices(account["project_id"], 1)
    device_id = android(instance, token, user=user)
    fcm_service.answer_all_token_requests(Answer(status=status, body={"error": word}))
    reply = instance.publish.to_users([user], DATA)
    eventually(partial(is_refused, own_server, f"no access token: HTTP {status} {word}"))
    assert fcm_service.requests(token) == []
    fcm_service.answer_all_token_requests(None)
    file = str(tmp_path / "service-account.json")
    done(own_server, "gateway", "set", "fcm", "--service-account", file)
    report = finished(own_server, reply.json()["publishId"], platform="fcm")
    assert report["delivered"] == 1
    assert is_there(own_server, device_id)


def test_a_token_endpoint_that_fails_for_a_minute_delays_and_loses_nothing(
    own_server: Server, fcm_service: FcmService, tmp_path: Path
) -> None:
    account = set_service_account(own_server, fcm_service, tmp_path)
    user, instance = new_name("alice"), own_server.instance
    tokens = fcm_service.new_devices(account["project_id"], 20)
    for token in tokens:
        android(instance, token, user=user)
    fcm_service.answer_all_token_requests(Answer(status=503))
    reply = instance.publish.to_users([user], DATA)
    # Tries come about 10, 30 and 70 seconds later: two of them fail, too.
    eventually(lambda: len(fcm_service.token_requests()) >= 3, within_s=60)
    assert fcm_service.requests() == []
    fcm_service.answer_all_token_requests(None)
    report = finished(own_server, reply.json()["publishId"], platform="fcm", within_s=100)
    assert (report["delivered"], report["failed"]) == (20, 0)
    assert fcm_service.message_counts() == dict.fromkeys(tokens, 1)
    assert fcm_service.token_requests()[-1] == 200
    assert set(fcm_service.token_requests()[:-1]) == {503}
