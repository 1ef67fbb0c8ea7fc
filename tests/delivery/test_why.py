"""heliograph why names the cause: a whole server, and strict gateways."""

import time
from pathlib import Path
from typing import Any

from tests.apns_service import Answer, ApnsService
from tests.browsers import Browser, Browsers, hello, new_name
from tests.fcm_service import FcmService
from tests.phones import android, done, iphone, set_apns_key, set_service_account
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually, finished

ALERT = {"apns": {"aps": {"alert": "hello"}}}


def told(server: Server, user: str, publish_id: str | None = None) -> dict[str, Any]:
    """The same from the command and from the API."""
    options = () if publish_id is None else ("--publish", publish_id)
    said = server.json_of("why", "--user", user, *options, "--instance", server.instance_id)
    query = {} if publish_id is None else {"publish": publish_id}
    reply = server.instance.admin.timeline(user, **query)
    assert reply.status == 200
    assert reply.json() == said
    return dict(said)


def device_in(said: dict[str, Any]) -> dict[str, Any]:
    [device] = said["devices"]
    return dict(device)


def whats(device: dict[str, Any]) -> list[str]:
    return [event["what"] for event in device["events"]]


def published(server: Server, user: str, payload: dict[str, Any], platform: str = "web") -> str:
    publish_id = str(server.instance.publish.to_users([user], payload).json()["publishId"])
    finished(server, publish_id, platform=platform)
    return publish_id


def report(browser: Browser, publish_id: str, event: str) -> None:
    body = {
        "event": event,
        "publishId": publish_id,
        "deviceId": browser.device_id,
        "timestampSecs": int(time.time()) + 1,
    }
    assert browser.instance.reporting.report(body).status == 200


def test_a_user_without_devices_has_none_for_a_reason(
    own_server: Server, own_browsers: Browsers
) -> None:
    user = new_name("alice")
    [cause] = told(own_server, user)["causes"]
    assert "ever registered" in cause["cause"]
    own_browsers.new()
    publish_id = published(own_server, user, hello("nobody"))
    [cause] = told(own_server, user, publish_id)["causes"]
    assert "setUserId" in cause["cure"]
    own_browsers.new(user=user)
    assert "after the publish" in device_in(told(own_server, user, publish_id))["cause"]
    assert own_server.instance.customer.delete_user(user).status == 200
    said = told(own_server, user)
    assert "user was deleted" in said["causes"][0]["cause"]
    assert (said["devices"], whats(said)) == ([], ["user deleted"])


def test_what_arrived_is_told_to_have(server: Server, browsers: Browsers) -> None:
    user = new_name("alice/b c")
    browser = browsers.new(user=user)
    publish_id = published(server, user, hello("hello"))
    named = "--user", user, "--instance", server.instance_id
    raw = user.replace("/", "%2F").replace(" ", "%20")
    device = device_in(server.instance.admin.timeline(raw).json())
    assert "has not said that it arrived" in device["cause"]
    report(browser, publish_id, "delivery")
    assert "it arrived" in device_in(server.json_of("why", *named))["cause"]
    report(browser, publish_id, "open")
    device = device_in(server.json_of("why", *named, "--publish", publish_id))
    assert "opened" in device["cause"]
    assert sorted(whats(device)) == sorted(
        ["registered", "tied", "delivered", "acknowledged", "opened"]
    )
    printed = done(server, "why", *named)
    assert "its gateway took it" in printed
    assert browser.subscription.token not in printed


def test_a_device_that_was_stopped_is_told_to_be(server: Server, browsers: Browsers) -> None:
    user = new_name("alice")
    browsers.new(user=user).stop()
    publish_id = published(server, user, hello("too late"))
    device = device_in(told(server, user, publish_id))
    assert (device["state"], whats(device)) == ("gone", ["tied", "stopped"])
    assert "stop()" in device["cause"]
    assert "setUserId" in device["cure"]


def test_a_device_that_is_gone_is_in_quarantine_and_may_come_back(
    server: Server, browsers: Browsers, push_service: PushService
) -> None:
    user = new_name("alice")
    browser = browsers.new(user=user)
    push_service.expire(browser.subscription)
    publish_id = published(server, user, hello("gone"))
    device = device_in(told(server, user, publish_id))
    assert device["state"] == "in quarantine"
    assert "permission revoked" in device["cause"]
    assert "device restore" in device["cure"]
    done(server, "device", "restore", browser.device_id)
    device = device_in(told(server, user))
    assert device["state"] == "tied"
    assert sorted(whats(device)) == ["registered", "removed", "removed", "restored", "tied"]


def test_a_message_that_replaced_another_is_told_to_have(
    server: Server, browsers: Browsers
) -> None:
    user = new_name("alice")
    browsers.new(user=user)
    older, newer = (published(server, user, hello(title, topic="score")) for title in "12")
    assert "replaced" in device_in(told(server, user, older))["cause"]
    assert "replaced" not in device_in(told(server, user, newer))["cause"]


def test_a_message_whose_time_is_over_and_one_of_a_paused_publish(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    user = new_name("alice")
    browser = own_browsers.new(user=user)
    push_service.hold()
    first = own_server.instance.publish.to_users([user], hello("first")).json()["publishId"]
    eventually(lambda: push_service.held() == 1)
    device = device_in(told(own_server, user, first))
    assert "not settled yet" in device["cause"]
    done(own_server, "publish", "pause", first)
    assert "is paused" in device_in(told(own_server, user, first))["cause"]
    push_service.release()
    finished(own_server, first)
    browser.stop()
    assert "stop()" in device_in(told(own_server, user))["cause"]
    assert "has not said" in device_in(told(own_server, user, first))["cause"]


def test_a_publish_to_others_or_for_other_platforms_is_told_to_be(
    server: Server, browsers: Browsers
) -> None:
    user, other = new_name("alice"), new_name("bob")
    browsers.new(user=user)
    publish_id = published(server, other, hello("not you"))
    said = told(server, user, publish_id)
    assert "not for this user" in said["causes"][0]["cause"]
    publish_id = published(server, user, {"fcm": {"data": {"n": 1}}}, "fcm")
    assert "nothing for this platform" in device_in(told(server, user, publish_id))["cause"]
    reply = server.instance.publish.to_interests(["news"], hello("news"))
    finished(server, reply.json()["publishId"])
    said = told(server, user, reply.json()["publishId"])
    assert "for interests" in said["causes"][0]["cause"]


def test_a_wrong_topic_and_a_message_that_came_too_late(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    set_apns_key(own_server, apns_service, tmp_path)
    instance, user = own_server.instance, new_name("alice")
    right, wrong = apns_service.new_devices(2)
    iphone(instance, right, user=user)
    device_id = iphone(instance, wrong, user=user)
    # Only beside one that is reached it is believed.
    apns_service.answer_next(wrong, Answer(status=400, reason="DeviceTokenNotForTopic"))
    published(own_server, user, ALERT, "apns")
    devices = {one["deviceId"]: one for one in told(own_server, user)["devices"]}
    assert "wrong topic" in devices[device_id]["cause"]
    assert "--bundle-id" in devices[device_id]["cure"]
    other, [token] = new_name("bob"), apns_service.new_devices(1)
    iphone(instance, token, user=other)
    apns_service.answer_next(token, Answer(status=503, reason="ServiceUnavailable"))
    now_or_never = {"apns": {"aps": {"alert": "hello"}, "expiration": 0}}
    published(own_server, other, now_or_never, "apns")
    device = device_in(told(own_server, other))
    assert "away" in device["cause"]
    assert whats(device)[-1] == "failed"


def test_a_credential_that_is_refused_or_missing_holds_its_platform_up(
    own_server: Server, fcm_service: FcmService, tmp_path: Path
) -> None:
    instance, user = own_server.instance, new_name("alice")
    account = set_service_account(own_server, fcm_service, tmp_path)
    [token] = fcm_service.new_devices(account["project_id"], 1)
    android(instance, token, user=user)
    fcm_service.delete_account(account["client_email"])
    hello_android = {"fcm": {"data": {"n": 1}}}
    publish_id = instance.publish.to_users([user], hello_android).json()["publishId"]
    eventually(lambda: "invalid_grant" in done(own_server, "gateway", "show"))
    device = device_in(told(own_server, user, publish_id))
    assert "refuses the credential" in device["cause"]
    assert "gateway check" in device["cure"]
    assert "credential refused" in device["events"][-1]["meaning"]
    done(own_server, "gateway", "remove", "fcm")
    assert "no credential" in device_in(told(own_server, user, publish_id))["cause"]
    fcm_service.clear_refusals()


def test_what_is_not_there_is_not_told_of(server: Server) -> None:
    unknown = server.cli(
        "why", "--user", "alice", "--publish", "pubid-nonsense", "--instance", server.instance_id
    )
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert server.instance.admin.timeline("alice", publish="pubid-nonsense").status == 404
