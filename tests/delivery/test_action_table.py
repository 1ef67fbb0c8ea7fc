"""What each answer of APNs and FCM leads to, through the whole path: row by row."""

from functools import partial
from pathlib import Path

from tests.apns_service import Answer, ApnsService
from tests.browsers import new_name
from tests.fcm_service import Answer as FcmAnswer
from tests.fcm_service import FcmService, fcm_error
from tests.phones import android, done, iphone, set_apns_key, set_service_account
from tests.server import Server
from tests.waiting import eventually, finished

ALERT = {"apns": {"aps": {"alert": "hello"}}}
DATA = {"fcm": {"data": {"n": 1}}}


def is_there(server: Server, device_id: str) -> bool:
    return server.instance.devices.get(device_id).status == 200


def is_shown(server: Server, state: str) -> bool:
    """Whether `gateway show` says so."""
    return state in done(server, "gateway", "show")


def test_what_apple_never_takes_is_dropped_once_and_the_device_kept(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    set_apns_key(own_server, apns_service, tmp_path)
    never = [
        (400, "BadCollapseId"),
        (400, "BadExpirationDate"),
        (400, "BadMessageId"),
        (400, "BadPriority"),
        (400, "DuplicateHeaders"),
        (400, "InvalidPushType"),
        (400, "MissingDeviceToken"),
        (400, "PayloadEmpty"),
        (404, "BadPath"),
        (405, "MethodNotAllowed"),
        (413, "PayloadTooLarge"),
        (418, "NewThisYear"),
    ]
    user, instance = new_name("alice"), own_server.instance
    tokens = apns_service.new_devices(len(never))
    devices = [iphone(instance, token, user=user) for token in tokens]
    for token, (status, reason) in zip(tokens, never, strict=True):
        apns_service.answer_next(token, Answer(status=status, reason=reason))
    reply = instance.publish.to_users([user], ALERT)
    report = finished(own_server, reply.json()["publishId"], platform="apns")
    assert (report["failed"], report["retried"], report["removed"]) == (len(never), 0, 0)
    assert report["reasons"] == {f"failed: HTTP {status} {reason}": 1 for status, reason in never}
    assert all(len(apns_service.requests(token)) == 1 for token in tokens)
    assert all(is_there(own_server, device_id) for device_id in devices)


def test_what_apple_can_not_take_now_comes_again(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    set_apns_key(own_server, apns_service, tmp_path)
    user, instance = new_name("alice"), own_server.instance
    at_once = {"IdleTimeout": 400, "Shutdown": 503}
    later = {"InternalServerError": 500, "ServiceUnavailable": 503}
    answers = {**at_once, **later}
    tokens = dict(zip(answers, apns_service.new_devices(len(answers)), strict=True))
    for reason, token in tokens.items():
        iphone(instance, token, user=user)
        apns_service.answer_next(token, Answer(status=answers[reason], reason=reason))
    reply = instance.publish.to_users([user], ALERT)
    report = finished(own_server, reply.json()["publishId"], platform="apns", within_s=60)
    assert (report["delivered"], report["retried"]) == (len(answers), len(later))
    for reason, token in tokens.items():
        first, second = apns_service.requests(token)
        waited = second["arrived_at"] - first["arrived_at"]
        assert waited >= 5 if reason in later else waited < 5


def test_a_device_that_gets_too_many_waits_longer_than_the_others(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    set_apns_key(own_server, apns_service, tmp_path)
    user, instance = new_name("alice"), own_server.instance
    busy, other = apns_service.new_devices(2)
    for token in (busy, other):
        iphone(instance, token, user=user)
    for token, status, reason in (
        (busy, 429, "TooManyRequests"),
        (other, 503, "ServiceUnavailable"),
    ):
        apns_service.answer_next(token, Answer(status=status, reason=reason))
    instance.publish.to_users([user], ALERT)
    eventually(lambda: len(apns_service.requests(other)) == 2, within_s=30)
    assert len(apns_service.requests(busy)) == 1


def test_what_speaks_against_apples_credential_pauses_and_goes_out_with_another(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    instance = own_server.instance
    for status, reason in [
        (400, "BadTopic"),
        (400, "MissingTopic"),
        (400, "TopicDisallowed"),
        (403, "BadCertificate"),
        (403, "BadEnvironmentKeyIdInToken"),
        (403, "BadEnvironmentKeyInToken"),
        (403, "ExpiredProviderToken"),
        (403, "Forbidden"),
    ]:
        set_apns_key(own_server, apns_service, tmp_path)
        user, [token] = new_name("alice"), apns_service.new_devices(1)
        device_id = iphone(instance, token, user=user)
        apns_service.answer_next(token, Answer(status=status, reason=reason))
        reply = instance.publish.to_users([user], ALERT)
        eventually(partial(is_shown, own_server, f": {reason}"))
        assert len(apns_service.requests(token)) == 1, reason
        set_apns_key(own_server, apns_service, tmp_path)
        report = finished(own_server, reply.json()["publishId"], platform="apns")
        assert (report["delivered"], report["removed"]) == (1, 0), reason
        assert is_there(own_server, device_id)


def test_what_google_answers_decides_over_message_and_phone(
    own_server: Server, fcm_service: FcmService, tmp_path: Path
) -> None:
    account = set_service_account(own_server, fcm_service, tmp_path)
    user, instance = new_name("alice"), own_server.instance
    later = [fcm_error(500, "INTERNAL", "INTERNAL"), FcmAnswer(status=502, body="<html>")]
    dropped = [fcm_error(400, "INVALID_ARGUMENT"), FcmAnswer(status=418)]
    removed = [fcm_error(404, "NOT_FOUND", "UNREGISTERED")]
    mismatched = [fcm_error(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH")]
    answers = [*later, *dropped, *removed, *mismatched]
    tokens = fcm_service.new_devices(account["project_id"], len(answers) + 10)
    devices = [android(instance, token, user=user) for token in tokens]
    for token, answer in zip(tokens, answers, strict=False):
        fcm_service.answer_next(token, answer)
    reply = instance.publish.to_users([user], DATA)
    report = finished(own_server, reply.json()["publishId"], platform="fcm", within_s=60)
    assert (report["delivered"], report["failed"], report["removed"]) == (12, 2, 2)
    assert report["retried"] == len(later)
    tries = [len(fcm_service.requests(token)) for token in tokens]
    assert tries == [2] * len(later) + [1] * (len(tokens) - len(later))
    kept = [is_there(own_server, device_id) for device_id in devices]
    assert kept == [True] * 4 + [False] * 2 + [True] * 10


def test_what_speaks_against_googles_credential_pauses_and_goes_out_with_another(
    own_server: Server, fcm_service: FcmService, tmp_path: Path
) -> None:
    instance = own_server.instance
    account = set_service_account(own_server, fcm_service, tmp_path)
    again = ["gateway", "set", "fcm", "--service-account", str(tmp_path / "service-account.json")]
    for answer, word in [
        (fcm_error(403, "PERMISSION_DENIED"), "PERMISSION_DENIED"),
        (fcm_error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"), "THIRD_PARTY_AUTH_ERROR"),
        (FcmAnswer(status=404, body="<html>"), "HTTP 404"),
    ]:
        user, [token] = new_name("alice"), fcm_service.new_devices(account["project_id"], 1)
        device_id = android(instance, token, user=user)
        fcm_service.answer_next(token, answer)
        reply = instance.publish.to_users([user], DATA)
        eventually(partial(is_shown, own_server, word))
        assert len(fcm_service.requests(token)) == 1
        done(own_server, *again)
        report = finished(own_server, reply.json()["publishId"], platform="fcm")
        assert (report["delivered"], report["removed"]) == (1, 0)
        assert is_there(own_server, device_id)
