"""What each answer of APNs leads to, through the whole path: row by row.

A message that is given up at once since its time would be over shows how long it would have waited.
"""

import ssl
import time
from functools import partial
from pathlib import Path

import pytest
import trustme

from tests.apns_service import Answer, ApnsService
from tests.browsers import new_name
from tests.delivery.outcomes import is_refused, is_there
from tests.phones import done, iphone, set_apns_key
from tests.refusing_server import refusing_server
from tests.server import Server
from tests.waiting import eventually, finished

ALERT = {"apns": {"aps": {"alert": "hello"}}}


def alert_for(seconds: int) -> dict[str, object]:
    return {"apns": {"aps": {"alert": "hello"}, "expiration": int(time.time()) + seconds}}


def test_what_is_never_taken_is_dropped_once_and_the_device_kept(
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


def test_what_can_not_be_taken_now_comes_again(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    set_apns_key(own_server, apns_service, tmp_path)
    user, instance = new_name("alice"), own_server.instance
    at_once = [
        Answer(status=400, reason="IdleTimeout"),
        Answer(status=503, reason="Shutdown"),
        # REFUSED_STREAM: nothing was done with the request.
        Answer(reset="REFUSED_STREAM"),
    ]
    later = [
        Answer(status=500, reason="InternalServerError"),
        Answer(status=503, reason="ServiceUnavailable"),
        Answer(status=599, reason="NewThisYear"),
    ]
    answers = [*at_once, *later]
    tokens = apns_service.new_devices(len(answers))
    for token, answer in zip(tokens, answers, strict=True):
        iphone(instance, token, user=user)
        apns_service.answer_next(token, answer)
    reply = instance.publish.to_users([user], ALERT)
    report = finished(own_server, reply.json()["publishId"], platform="apns", within_s=60)
    assert (report["delivered"], report["retried"]) == (len(answers), len(later))
    for token, answer in zip(tokens, answers, strict=True):
        first, second = apns_service.requests(token)
        waited = second["arrived_at"] - first["arrived_at"]
        assert waited >= 5 if answer in later else waited < 5


def test_a_connection_that_is_lost_before_the_answer_costs_a_retry(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    set_apns_key(own_server, apns_service, tmp_path)
    user, [token] = new_name("alice"), apns_service.new_devices(1)
    iphone(own_server.instance, token, user=user)
    apns_service.answer_next(token, Answer(cut=True))
    reply = own_server.instance.publish.to_users([user], ALERT)
    report = finished(own_server, reply.json()["publishId"], platform="apns", within_s=60)
    assert (report["delivered"], report["failed"]) == (1, 0)


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
    # 30 seconds is the least that the busy one waits, 15 the most for the other.
    reply = instance.publish.to_users([user], alert_for(27))
    report = finished(own_server, reply.json()["publishId"], platform="apns", within_s=40)
    assert report["reasons"] == {"failed: TooManyRequests": 1}
    assert (report["delivered"], report["retried"]) == (1, 1)
    assert [len(apns_service.requests(token)) for token in (busy, other)] == [1, 2]


def test_a_token_that_is_renewed_too_often_waits_and_leaves_its_connection(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    set_apns_key(own_server, apns_service, tmp_path)
    user, [token] = new_name("alice"), apns_service.new_devices(1)
    iphone(own_server.instance, token, user=user)
    opened = len(apns_service.connections())
    apns_service.answer_next(token, Answer(status=429, reason="TooManyProviderTokenUpdates"))
    reply = own_server.instance.publish.to_users([user], alert_for(27))
    report = finished(own_server, reply.json()["publishId"], platform="apns")
    assert report["reasons"] == {"failed: TooManyProviderTokenUpdates": 1}
    reply = own_server.instance.publish.to_users([user], ALERT)
    assert finished(own_server, reply.json()["publishId"], platform="apns")["delivered"] == 1
    assert len(apns_service.connections()) == opened + 2
    assert apns_service.provider_tokens() >= 1


REFUSALS = [
    (400, "BadTopic"),
    (400, "MissingTopic"),
    (400, "TopicDisallowed"),
    (403, "BadCertificate"),
    (403, "BadCertificateEnvironment"),
    (403, "BadEnvironmentKeyIdInToken"),
    (403, "BadEnvironmentKeyInToken"),
    # Of a token that was signed a moment ago: somebody's clock is wrong.
    (403, "ExpiredProviderToken"),
    (403, "Forbidden"),
    (403, "MissingProviderToken"),
]


def test_what_speaks_against_the_credential_pauses_and_goes_out_with_another(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    instance = own_server.instance
    for status, reason in REFUSALS:
        set_apns_key(own_server, apns_service, tmp_path)
        user, [token] = new_name("alice"), apns_service.new_devices(1)
        device_id = iphone(instance, token, user=user)
        apns_service.answer_next(token, Answer(status=status, reason=reason))
        reply = instance.publish.to_users([user], ALERT)
        eventually(partial(is_refused, own_server, reason))
        assert len(apns_service.requests(token)) == 1, reason
        set_apns_key(own_server, apns_service, tmp_path)
        report = finished(own_server, reply.json()["publishId"], platform="apns")
        assert (report["delivered"], report["removed"]) == (1, 0), reason
        assert is_there(own_server, device_id)


@pytest.mark.parametrize("reason", ["InvalidProviderToken", "UnrelatedKeyIdInToken"])
def test_a_token_that_is_refused_on_a_connection_is_tried_once_on_another(
    own_server: Server, apns_service: ApnsService, tmp_path: Path, reason: str
) -> None:
    set_apns_key(own_server, apns_service, tmp_path)
    once, twice = [new_name("user") for _ in range(2)]
    publish, tokens = own_server.instance.publish, apns_service.new_devices(2)
    for user, token in zip((once, twice), tokens, strict=True):
        iphone(own_server.instance, token, user=user)
    refused, opened = Answer(status=403, reason=reason), len(apns_service.connections())
    apns_service.answer_next(tokens[0], refused)
    reply = publish.to_users([once], ALERT)
    report = finished(own_server, reply.json()["publishId"], platform="apns")
    assert (report["delivered"], report["retried"]) == (1, 0)
    assert len(apns_service.connections()) == opened + 2
    apns_service.answer_next(tokens[1], refused, refused)
    publish.to_users([twice], ALERT)
    eventually(partial(is_refused, own_server, reason))
    assert len(apns_service.requests(tokens[1])) == 2


def test_a_client_certificate_that_is_refused_by_an_alert_is_a_refused_credential(
    tmp_path: Path, environment: dict[str, str], apns_service: ApnsService
) -> None:
    user, [token] = new_name("alice"), apns_service.new_devices(1)
    (tmp_path / "push.pem").write_bytes(apns_service.new_certificate().pem)
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls.verify_mode = ssl.CERT_REQUIRED  # and it trusts nobody's
    with refusing_server(tls) as port:
        closed = {
            "HELIOGRAPH_APNS_URL": f"https://localhost:{port}",
            "HELIOGRAPH_GATEWAY_CA": str(tmp_path / "ca.pem"),
        }
        with Server.start(tmp_path / "data", environment=environment | closed) as server:
            done(server, "gateway", "set", "apns", "--cert-file", str(tmp_path / "push.pem"))
            iphone(server.instance, token, user=user)
            publish_id = server.instance.publish.to_users([user], ALERT).json()["publishId"]
            eventually(partial(is_refused, server, "the TLS certificate was refused"))
    with Server.start(tmp_path / "data", environment=environment) as server:
        set_apns_key(server, apns_service, tmp_path)
        assert finished(server, publish_id, platform="apns")["delivered"] == 1


def test_while_apple_can_not_be_reached_messages_wait(
    tmp_path: Path, environment: dict[str, str], apns_service: ApnsService
) -> None:
    away = {**environment, "HELIOGRAPH_APNS_URL": "https://localhost:1"}
    with Server.start(tmp_path / "data", environment=away) as server:
        set_apns_key(server, apns_service, tmp_path)
        user, [token] = new_name("alice"), apns_service.new_devices(1)
        iphone(server.instance, token, user=user)
        reply = server.instance.publish.to_users([user], ALERT)
        publish_id = reply.json()["publishId"]
        show = ["publish", "show", publish_id]
        eventually(lambda: server.json_of(*show)["platforms"]["apns"]["retried"])
    with Server.start(tmp_path / "data", environment=environment) as server:
        report = finished(server, publish_id, platform="apns")
        assert (report["delivered"], report["failed"]) == (1, 0)
