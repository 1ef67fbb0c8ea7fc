"""No answer of a gateway deletes devices wholesale; what was deleted can be brought back."""

import json
import time
from pathlib import Path

import pytest

from tests.apns_service import Answer, ApnsService
from tests.browsers import new_name
from tests.fcm_service import FcmService, fcm_error
from tests.phones import android, done, iphone, set_apns_key, set_service_account
from tests.server import Server
from tests.waiting import eventually, finished

SHORT = {"apns": {"aps": {"alert": "hello"}, "expiration": 0}}
BAD = Answer(status=400, reason="BadDeviceToken")


def iphones(server: Server, apns: ApnsService, count: int, interest: str) -> dict[str, str]:
    """So many iPhones with the interest: device id and push token of each."""
    devices, found = server.instance.devices, {}
    for token in apns.new_devices(count):
        device_id = iphone(server.instance, token)
        assert devices.put_interests(device_id, [interest]).status == 200
        found[device_id] = token
    return found


def is_there(server: Server, device_id: str) -> bool:
    return server.instance.devices.get(device_id).status == 200


def test_three_bad_tokens_of_many_are_removed_and_can_be_restored(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    set_apns_key(own_server, apns_service, tmp_path)
    crowd = new_name("crowd")
    everyone = iphones(own_server, apns_service, 500, crowd)
    bad = list(everyone)[:3]
    for device_id in bad:
        apns_service.answer_next(everyone[device_id], BAD)
    reply = own_server.instance.publish.to_interests([crowd], SHORT)
    report = finished(own_server, reply.json()["publishId"], platform="apns")
    assert (report["removed"], report["delivered"]) == (3, 497)
    assert report["reasons"] == {"removed: BadDeviceToken": 3}
    assert [is_there(own_server, device_id) for device_id in everyone].count(False) == 3

    listed = json.loads(done(own_server, "device", "restore", "--json"))
    assert {one["id"] for one in listed} == set(bad)
    done(own_server, "device", "restore", "--all")
    assert own_server.instance.devices.all_interests(bad[0]) == [crowd]
    reply = own_server.instance.publish.to_interests([crowd], SHORT)
    assert finished(own_server, reply.json()["publishId"], platform="apns")["delivered"] == 500


@pytest.mark.parametrize("reason", ["BadDeviceToken", "DeviceTokenNotForTopic"])
def test_when_every_token_is_bad_no_device_is_removed_and_no_more_is_sent(
    own_server: Server, apns_service: ApnsService, tmp_path: Path, reason: str
) -> None:
    set_apns_key(own_server, apns_service, tmp_path)
    crowd = new_name("crowd")
    everyone = iphones(own_server, apns_service, 150, crowd)
    apns_service.answer_all(Answer(status=400, reason=reason))
    payload = {"apns": {"aps": {"alert": "hello"}}}
    reply = own_server.instance.publish.to_interests([crowd], payload)

    def is_refused() -> bool:
        shown = json.loads(done(own_server, "gateway", "show", "--json"))
        return any(reason in one["state"] for one in shown)

    eventually(is_refused)
    assert all(is_there(own_server, device_id) for device_id in everyone)
    requests = apns_service.requests()
    assert len(requests) == len({one["token"] for one in requests})  # never twice
    assert own_server.cli("gateway", "check").returncode == 1
    # The check itself sends to a device that can't be.
    assert [one["token"] for one in apns_service.refusals()] == ["0" * 64]
    apns_service.clear_refusals()

    # It was the key: with another, all that waited goes out.
    apns_service.answer_all(None)
    set_apns_key(own_server, apns_service, tmp_path)
    report = finished(own_server, reply.json()["publishId"], platform="apns")
    assert (report["delivered"], report["removed"]) == (150, 0)


def test_a_stopped_device_can_not_be_brought_back(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    set_apns_key(own_server, apns_service, tmp_path)
    crowd = new_name("crowd")
    first, _second = everyone = iphones(own_server, apns_service, 2, crowd)
    apns_service.forget(everyone[first], timestamp_ms=round(time.time() * 1000) + 60_000)
    reply = own_server.instance.publish.to_interests([crowd], SHORT)
    report = finished(own_server, reply.json()["publishId"], platform="apns")
    assert report["removed"] == 1
    assert own_server.instance.devices.delete(first).status == 200
    assert own_server.cli("device", "restore", first).returncode == 1


def test_a_token_that_was_registered_after_it_was_gone_is_kept(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    set_apns_key(own_server, apns_service, tmp_path)
    crowd = new_name("crowd")
    [device_id] = everyone = iphones(own_server, apns_service, 1, crowd)
    apns_service.forget(everyone[device_id], timestamp_ms=round(time.time() * 1000) - 60_000)
    reply = own_server.instance.publish.to_interests([crowd], SHORT)
    report = finished(own_server, reply.json()["publishId"], platform="apns")
    assert (report["failed"], report["removed"]) == (1, 0)
    assert is_there(own_server, device_id)


def test_a_phone_that_fcm_no_longer_knows_is_removed_but_not_for_a_bare_404(
    own_server: Server, fcm_service: FcmService, tmp_path: Path
) -> None:
    account = set_service_account(own_server, fcm_service, tmp_path)
    user, instance = new_name("alice"), own_server.instance
    gone, kept = fcm_service.new_devices(account["project_id"], 2)
    fcm_service.forget(gone)
    gone_id, kept_id = (android(instance, token, user=user) for token in (gone, kept))
    short = {"fcm": {"notification": {"title": "hello"}, "time_to_live": 0}}
    reply = instance.publish.to_users([user], short)
    report = finished(own_server, reply.json()["publishId"], platform="fcm")
    assert (report["removed"], report["delivered"]) == (1, 1)
    assert (is_there(own_server, gone_id), is_there(own_server, kept_id)) == (False, True)

    fcm_service.answer_next(kept, fcm_error(404, "NOT_FOUND"))
    instance.publish.to_users([user], short)
    eventually(lambda: len(fcm_service.requests(kept)) == 2)
    assert is_there(own_server, kept_id)
