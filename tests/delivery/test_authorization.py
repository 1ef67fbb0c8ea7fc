"""Signatures and access tokens: renewed once when refused, and awaited when they can't be had."""

from pathlib import Path

from tests.apns_service import Answer, ApnsService
from tests.browsers import new_name
from tests.fcm_service import FcmService
from tests.phones import android, done, iphone, set_apns_key, set_service_account
from tests.server import Server
from tests.waiting import eventually, finished

ALERT = {"apns": {"aps": {"alert": "hello"}}}


def test_a_revoked_access_token_is_replaced_once_and_nothing_is_lost(
    own_server: Server, fcm_service: FcmService, tmp_path: Path
) -> None:
    account = set_service_account(own_server, fcm_service, tmp_path)
    user, instance = new_name("alice"), own_server.instance
    for token in fcm_service.new_devices(account["project_id"], 20):
        android(instance, token, user=user)
    hello = {"fcm": {"data": {"n": 1}}}
    for _ in range(2):
        reply = instance.publish.to_users([user], hello)
        report = finished(own_server, reply.json()["publishId"], platform="fcm")
        assert (report["delivered"], report["retried"]) == (20, 0), report
        fcm_service.revoke_access_tokens()
    assert fcm_service.token_requests() == [200, 200]


def test_a_deleted_service_account_pauses_its_platform_alone(
    own_server: Server, apns_service: ApnsService, fcm_service: FcmService, tmp_path: Path
) -> None:
    account = set_service_account(own_server, fcm_service, tmp_path)
    set_apns_key(own_server, apns_service, tmp_path)
    user, instance = new_name("alice"), own_server.instance
    [google] = fcm_service.new_devices(account["project_id"], 1)
    [apple] = apns_service.new_devices(1)
    android(instance, google, user=user)
    iphone(instance, apple, user=user)
    fcm_service.delete_account(account["client_email"])
    both = {"fcm": {"data": {"n": 1}}, **ALERT}
    instance.publish.to_users([user], both)
    eventually(lambda: apns_service.messages(apple))
    eventually(lambda: "invalid_grant" in done(own_server, "gateway", "show"))
    assert {one["rule"] for one in fcm_service.refusals()} == {"invalid_grant"}
    fcm_service.clear_refusals()


def test_a_goaway_in_the_middle_loses_none(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    set_apns_key(own_server, apns_service, tmp_path)
    crowd, instance = new_name("crowd"), own_server.instance
    tokens = apns_service.new_devices(1000)
    for token in tokens:
        device_id = iphone(instance, token)
        assert instance.devices.put_interests(device_id, [crowd]).status == 200
    goodbye = Answer(status=503, reason="Shutdown", goaway="at once")
    apns_service.answer_next(tokens[500], goodbye)
    reply = instance.publish.to_interests([crowd], ALERT)
    report = finished(own_server, reply.json()["publishId"], platform="apns", within_s=60)
    assert report["delivered"] == 1000
    assert apns_service.message_counts() == dict.fromkeys(tokens, 1)


def test_a_certificate_is_enough_for_apple(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    certificate = apns_service.new_certificate()
    (tmp_path / "push.p12").write_bytes(certificate.p12)
    (tmp_path / "password").write_text(certificate.password)
    files = ["--cert-file", str(tmp_path / "push.p12")]
    files += ["--password-file", str(tmp_path / "password")]
    done(own_server, "gateway", "set", "apns", *files)
    user, instance = new_name("alice"), own_server.instance
    [token] = apns_service.new_devices(1)
    iphone(instance, token, user=user)
    reply = instance.publish.to_users([user], ALERT)
    report = finished(own_server, reply.json()["publishId"], platform="apns")
    assert report["delivered"] == 1
    assert "authorization" not in apns_service.messages(token)[0]["headers"]


def test_a_new_credential_is_used_at_once_and_what_is_in_flight_ends_on_the_old_connection(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    set_apns_key(own_server, apns_service, tmp_path)
    before, after = new_name("alice"), new_name("bob")
    instance, tokens = own_server.instance, apns_service.new_devices(2)
    for user, token in zip((before, after), tokens, strict=True):
        iphone(instance, token, user=user)
    slow = Answer(delay_s=4)
    apns_service.answer_next(tokens[0], slow)
    in_flight = instance.publish.to_users([before], ALERT).json()["publishId"]
    eventually(lambda: apns_service.requests(tokens[0]))
    keys = apns_service.provider_tokens()
    set_apns_key(own_server, apns_service, tmp_path)
    reply = instance.publish.to_users([after], ALERT)
    finished(own_server, reply.json()["publishId"], platform="apns")
    assert apns_service.provider_tokens() == keys + 1
    report = finished(own_server, in_flight, platform="apns")
    assert (report["delivered"], report["retried"]) == (1, 0)
    old, new = apns_service.connections()[-2:]
    assert (old["requests"], new["requests"]) == (1, 1)
    eventually(lambda: not apns_service.connections()[-2]["isOpen"])
    assert apns_service.connections()[-1]["isOpen"]
