"""One publish reaches a user's iPhone, Android phone and browser, each with its own payload."""

import json
from pathlib import Path

from tests.apns_service import ApnsService
from tests.browsers import Browsers, hello, new_name
from tests.fcm_service import FcmService
from tests.phones import android, iphone, set_apns_key, set_service_account
from tests.server import Server
from tests.waiting import finished

MANY = 1000
EVERYWHERE = {
    **hello("for the browser"),
    "apns": {"aps": {"alert": {"title": "for the iPhone"}}},
    "fcm": {"notification": {"title": "for Android"}, "data": {"order": 12}},
}


def test_the_platform_keys_decide_who_gets_what(
    own_server: Server,
    own_browsers: Browsers,
    apns_service: ApnsService,
    fcm_service: FcmService,
    tmp_path: Path,
) -> None:
    user, instance = new_name("alice"), own_server.instance
    set_apns_key(own_server, apns_service, tmp_path)
    account = set_service_account(own_server, fcm_service, tmp_path)
    browser = own_browsers.new(user=user)
    [apple], [google] = (
        apns_service.new_devices(1),
        fcm_service.new_devices(account["project_id"], 1),
    )
    iphone(instance, apple, user=user)
    android(instance, google, user=user)

    publish_id = instance.publish.to_users([user], EVERYWHERE).json()["publishId"]
    for platform in ("web", "apns", "fcm"):
        report = finished(own_server, publish_id, platform=platform)
        assert (report["targets"], report["delivered"]) == (1, 1), platform

    assert browser.titles() == ["for the browser"]
    [to_apple] = apns_service.messages(apple)
    ids = {"instanceId": instance.id, "publishId": publish_id}
    assert to_apple["payload"] == {
        "aps": {"alert": {"title": "for the iPhone"}, "content-available": 1},
        "data": {"pusher": {**ids, "userShouldIgnore": True}},
    }
    assert to_apple["headers"]["apns-push-type"] == "alert"
    assert to_apple["headers"]["apns-priority"] == "10"
    [to_google] = fcm_service.messages(google)
    message = to_google["message"]
    assert message["notification"] == {"title": "for Android"}
    assert message["data"]["order"] == "12"
    assert json.loads(message["data"]["pusher"]) == {
        **ids,
        "hasDisplayableContent": True,
        "hasData": True,
    }

    only_web = instance.publish.to_users([user], hello("browser alone")).json()["publishId"]
    finished(own_server, only_web)
    assert browser.titles() == ["for the browser", "browser alone"]
    assert len(apns_service.messages(apple)) == len(fcm_service.messages(google)) == 1


def test_what_waits_for_a_credential_goes_out_when_it_is_set(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    user, instance = new_name("alice"), own_server.instance
    [token] = apns_service.new_devices(1)
    iphone(instance, token, user=user)
    reply = instance.publish.to_users([user], {"apns": {"aps": {"alert": "waited"}}})
    set_apns_key(own_server, apns_service, tmp_path)
    report = finished(own_server, reply.json()["publishId"], platform="apns")
    assert report["delivered"] == 1
    assert [one["payload"]["aps"]["alert"] for one in apns_service.messages(token)] == ["waited"]


def test_the_authorization_is_fetched_once_for_many_messages(
    own_server: Server, apns_service: ApnsService, fcm_service: FcmService, tmp_path: Path
) -> None:
    instance, crowd = own_server.instance, new_name("crowd")
    set_apns_key(own_server, apns_service, tmp_path)
    account = set_service_account(own_server, fcm_service, tmp_path)
    tokens_before = apns_service.provider_tokens()
    apple = apns_service.new_devices(MANY)
    google = fcm_service.new_devices(account["project_id"], MANY)
    for device_id in [
        *(iphone(instance, token) for token in apple),
        *(android(instance, token) for token in google),
    ]:
        assert instance.devices.put_interests(device_id, [crowd]).status == 200
    publish_id = instance.publish.to_interests([crowd], EVERYWHERE).json()["publishId"]
    for platform in ("apns", "fcm"):
        assert finished(own_server, publish_id, platform=platform, within_s=60)["delivered"] == MANY
    assert apns_service.message_counts() == dict.fromkeys(apple, 1)
    assert fcm_service.message_counts() == dict.fromkeys(google, 1)
    assert apns_service.provider_tokens() - tokens_before == 1
    assert fcm_service.token_requests() == [200]
