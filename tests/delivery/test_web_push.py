"""What push services get, and what their answers mean. RFC 8030; RFC 8291; RFC 8292."""

import json

import pytest

from tests.browsers import Browsers, hello, new_name
from tests.push_service import Answer, PushService
from tests.push_tokens import encoded
from tests.server import Server
from tests.waiting import eventually, finished


def test_the_payload_is_what_the_web_sdk_needs(server: Server, browsers: Browsers) -> None:
    user = new_name("alice")
    browser = browsers.new(user=user)
    notification = {"title": "Hi", "body": "żółć 🎈", "deep_link": "https://example.com/a"}
    web = {"notification": notification, "data": {"n": 1}, "time_to_live": 60}
    reply = server.instance.publish.to_users([user], {"web": web})
    publish_id = reply.json()["publishId"]
    finished(server, publish_id)
    pusher = {
        "instanceId": server.instance_id,
        "publishId": publish_id,
        "hasDisplayableContent": True,
        "hasData": True,
    }
    assert browser.received() == [
        {"notification": notification, "data": {"n": 1, "pusher": pusher}}
    ]


def test_without_notification_nothing_is_filled_in(server: Server, browsers: Browsers) -> None:
    user = new_name("alice")
    browser = browsers.new(user=user)
    reply = server.instance.publish.to_users([user], {"web": {}})
    finished(server, reply.json()["publishId"])
    [message] = browser.received()
    assert set(message) == {"data"}
    assert message["data"]["pusher"]["hasDisplayableContent"] is False
    assert message["data"]["pusher"]["hasData"] is False


def test_the_time_to_live_travels_as_a_header(
    server: Server, browsers: Browsers, push_service: PushService
) -> None:
    user = new_name("alice")
    browser = browsers.new(user=user)
    for ttl in ({"time_to_live": 3600}, {"time_to_live": 0}, {}):
        reply = server.instance.publish.to_users([user], hello("ttl", **ttl))
        finished(server, reply.json()["publishId"])
    sent = [int(one.headers["ttl"]) for one in push_service.messages(browser.subscription)]
    assert sent[0] in range(3590, 3601)
    assert sent[1] == 0
    assert sent[2] in range(2_419_190, 2_419_201)


def test_urgency_and_topic_travel_as_headers_and_not_in_the_message(
    server: Server, browsers: Browsers, push_service: PushService
) -> None:
    user = new_name("alice")
    browser = browsers.new(user=user)
    web = hello("urgent", urgency="high", topic="score of the match")
    finished(server, server.instance.publish.to_users([user], web).json()["publishId"])
    [message] = push_service.messages(browser.subscription)
    assert message.headers["urgency"] == "high"
    assert len(message.headers["topic"]) == 32
    assert set(browser.received()[0]) == {"notification", "data"}


def test_one_signature_is_used_for_every_push_to_an_origin(
    server: Server, browsers: Browsers, push_service: PushService
) -> None:
    crowd = new_name("crowd")
    everyone = [browsers.new(interests=(crowd,)) for _ in range(20)]
    reply = server.instance.publish.to_interests([crowd], hello("signed"))
    finished(server, reply.json()["publishId"])
    signatures = {
        message.headers["authorization"]
        for browser in everyone
        for message in push_service.messages(browser.subscription)
    }
    assert len(signatures) == 1


def test_many_pushes_are_in_flight_over_few_connections(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    crowd = new_name("crowd")
    before = len(push_service.connections())
    for _ in range(99):
        own_browsers.new(interests=(crowd,))
    reply = own_server.instance.publish.to_interests([crowd], hello("on a cold connection"))
    finished(own_server, reply.json()["publishId"])
    own_browsers.new(interests=(crowd,))
    push_service.hold()
    reply = own_server.instance.publish.to_interests([crowd], hello("all at once"))
    eventually(lambda: push_service.held() == 100)
    push_service.release()
    finished(own_server, reply.json()["publishId"])
    opened = push_service.connections()[before:]
    assert len(opened) == 1
    assert {connection.http_version for connection in opened} == {"2"}


@pytest.mark.parametrize("status", [404, 410])
def test_a_device_whose_subscription_is_gone_is_removed(
    server: Server, browsers: Browsers, push_service: PushService, status: int
) -> None:
    user = new_name("alice")
    gone, kept = browsers.new(user=user), browsers.new(user=user)
    push_service.answer_next(gone.subscription, Answer(status=status))
    reply = server.instance.publish.to_users([user], hello("who is there?"))
    report = finished(server, reply.json()["publishId"])
    assert (report["removed"], report["delivered"]) == (1, 1)
    assert server.instance.devices.get(gone.device_id).status == 404
    assert server.instance.devices.get(kept.device_id).status == 200


def test_a_fresh_subscription_survives_the_end_of_the_old_one(
    server: Server, browsers: Browsers, push_service: PushService
) -> None:
    """The answer 410 arrives after the device has got itself another subscription."""
    user = new_name("alice")
    browser = browsers.new(user=user)
    push_service.answer_next(browser.subscription, Answer(status=410, delay_s=1))
    reply = server.instance.publish.to_users([user], hello("old"))
    eventually(lambda: push_service.requests(browser.subscription))
    devices = server.instance.devices
    key = devices.get_vapid_public_key().json()["vapidPublicKey"]
    fresh = push_service.subscribe(key)
    assert devices.put_token(browser.device_id, encoded(fresh.as_json())).status == 200
    finished(server, reply.json()["publishId"])
    assert devices.get(browser.device_id).json()["userId"] == user
    reply = server.instance.publish.to_users([user], hello("new"))
    finished(server, reply.json()["publishId"])
    [message] = push_service.messages(fresh)
    assert json.loads(message.text or "")["notification"]["title"] == "new"


@pytest.mark.parametrize("status", [400, 413, 302])
def test_what_can_never_be_taken_is_dropped_and_the_device_kept(
    server: Server, browsers: Browsers, push_service: PushService, status: int
) -> None:
    user = new_name("alice")
    browser = browsers.new(user=user)
    location = {"Location": f"{push_service.origin}/elsewhere"}
    push_service.answer_next(browser.subscription, Answer(status=status, headers=location))
    reply = server.instance.publish.to_users([user], hello("no"))
    report = finished(server, reply.json()["publishId"])
    assert (report["failed"], report["retried"]) == (1, 0)
    assert len(push_service.requests(browser.subscription)) == 1
    assert server.instance.devices.get(browser.device_id).status == 200


def test_what_can_not_be_taken_now_comes_again_when_asked(
    server: Server, browsers: Browsers, push_service: PushService
) -> None:
    user, refusals = new_name("alice"), (429, 500, 503)
    theirs = [browsers.new(user=user) for _ in refusals]
    for browser, status in zip(theirs, refusals, strict=True):
        # Longer than the first back-off ever is.
        asked = Answer(status=status, headers={"Retry-After": "16"})
        push_service.answer_next(browser.subscription, asked)
    reply = server.instance.publish.to_users([user], hello("again"))
    report = finished(server, reply.json()["publishId"], within_s=60)
    assert (report["delivered"], report["retried"]) == (3, 3)
    for browser in theirs:
        first, second = push_service.requests(browser.subscription)
        assert (second.arrived_at - first.arrived_at).total_seconds() >= 16
        assert browser.titles() == ["again"]


def test_a_refused_signature_is_renewed_once_and_deletes_nothing(
    server: Server, browsers: Browsers, push_service: PushService
) -> None:
    user = new_name("alice")
    browser = browsers.new(user=user)
    push_service.answer_next(browser.subscription, Answer(status=401))
    reply = server.instance.publish.to_users([user], hello("signed anew"))
    report = finished(server, reply.json()["publishId"])
    assert (report["delivered"], report["removed"]) == (1, 0)
    assert browser.titles() == ["signed anew"]


@pytest.mark.parametrize("status", [400, 401, 403, 413, 500])
def test_a_push_service_that_refuses_everything_deletes_nothing(
    own_server: Server, own_browsers: Browsers, push_service: PushService, status: int
) -> None:
    crowd = new_name("crowd")
    everyone = [own_browsers.new(interests=(crowd,)) for _ in range(25)]
    for browser in everyone:
        # Twice: a refused signature is tried once more at once.
        push_service.answer_next(browser.subscription, Answer(status=status), Answer(status=status))
    refused = hello("refused", time_to_live=1)
    reply = own_server.instance.publish.to_interests([crowd], refused)
    report = finished(own_server, reply.json()["publishId"])
    assert (report["failed"], report["removed"]) == (25, 0)
    found = [own_server.instance.devices.get(browser.device_id).status for browser in everyone]
    assert found == [200] * 25


def test_a_message_whose_time_is_over_before_its_retry_is_given_up(
    server: Server, browsers: Browsers, push_service: PushService
) -> None:
    user = new_name("alice")
    browser = browsers.new(user=user)
    push_service.answer_next(browser.subscription, Answer(status=503))
    reply = server.instance.publish.to_users([user], hello("short", time_to_live=1))
    report = finished(server, reply.json()["publishId"])
    assert (report["failed"], report["delivered"]) == (1, 0)
    assert len(push_service.requests(browser.subscription)) == 1
