"""What happens to a publish to users is told to the app's server, once and to the letter."""

import base64
import hashlib
import hmac
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from tests.browsers import Browser, Browsers, hello, new_name
from tests.client import Instance
from tests.push_service import Answer, PushService
from tests.receiver import Received, Receiver, is_signed
from tests.waiting import eventually
from tests.webhooks.conftest import SECRET, AddWebhook

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
LISTS = ("users_delivered_to_gateway", "users_gateway_failed", "users_no_devices")


def publish_to(instance: Instance, *users: str) -> str:
    reply = instance.publish.to_users(list(users), hello("hello"))
    assert reply.status == 200
    return str(reply.json()["publishId"])


def report(browser: Browser, publish_id: str, event: str, **more: object) -> None:
    body = {
        "event": event,
        "publishId": publish_id,
        "deviceId": browser.device_id,
        "timestampSecs": int(time.time()),
        **more,
    }
    assert browser.instance.reporting.report(body).status == 200


def test_a_finished_publish_is_told_with_the_headers_and_the_envelope_of_beams(
    instance: Instance, browsers: Browsers, receiver: Receiver, add_webhook: AddWebhook
) -> None:
    custom = '{"tenant": "münchen"}'
    webhook = add_webhook(receiver.url, "attempt", options=("--custom-data", custom))
    user = new_name("alice")
    browsers.new(user=user)
    publish_id = publish_to(instance, user)
    [call] = receiver.calls()
    assert call.headers["user-agent"] == "pusher-webhooks"
    assert call.headers["content-type"] == "application/json"
    assert call.headers["webhook-event-type"] == "v1.PublishToUsersAttempt"
    assert call.headers["webhook-id-uuid"] == webhook
    assert UUID.fullmatch(call.request_id)
    told = call.json()
    event_id, created_at = told["metadata"].pop("event_id"), told["metadata"].pop("created_at")
    assert UUID.fullmatch(event_id)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", created_at)
    assert told == {
        "payload": {
            "instance_id": instance.id,
            "publish_id": publish_id,
            "users_delivered_to_gateway": [user],
            "users_no_devices": [],
            "users_gateway_failed": [],
        },
        "metadata": {"event_type": "v1.PublishToUsersAttempt", "product": "beams"},
        "custom_data": {"tenant": "münchen"},
    }


def test_a_changed_byte_is_found_by_either_signature(
    instance: Instance, receiver: Receiver, add_webhook: AddWebhook
) -> None:
    add_webhook(receiver.url, "attempt")
    publish_to(instance, new_name("nobody"))
    [call] = receiver.calls()
    changed = replace(call, body=call.body.replace(b"pubid-", b"pubiD-"))
    assert (is_signed(call, SECRET), has_signed_time(call)) == (True, True)
    assert (is_signed(changed, SECRET), has_signed_time(changed)) == (False, False)
    later = {**call.headers, "webhook-timestamp": str(int(call.headers["webhook-timestamp"]) + 1)}
    assert not has_signed_time(replace(call, headers=later))


def has_signed_time(call: Received) -> bool:
    """As docs/webhooks.md says."""
    timestamp = call.headers["webhook-timestamp"]
    assert abs(time.time() - int(timestamp)) < 300
    content = f"{call.request_id}.{timestamp}.".encode() + call.body
    digest = hmac.digest(SECRET.encode(), content, hashlib.sha256)
    expected = f"v1,{base64.b64encode(digest).decode()}"
    return hmac.compare_digest(expected, call.headers["webhook-signature-sha256"])


def test_each_user_is_in_one_list(
    instance: Instance,
    browsers: Browsers,
    push_service: PushService,
    receiver: Receiver,
    add_webhook: AddWebhook,
) -> None:
    add_webhook(receiver.url, "attempt")
    reached, half, failed, nobody = map(new_name, ("reached", "half", "failed", "nobody"))
    browsers.new(user=reached)
    browsers.new(user=half)
    for user in (half, failed):
        too_large = browsers.new(user=user)
        push_service.answer_next(too_large.subscription, Answer(status=413))
    publish_to(instance, nobody, failed, half, reached)
    [call] = receiver.calls()
    lists = [call.payload[name] for name in LISTS]
    assert lists == [[half, reached], [failed], [nobody]]


def test_users_whose_devices_left_before_it_was_sent_have_no_devices(
    instance: Instance,
    browsers: Browsers,
    push_service: PushService,
    receiver: Receiver,
    add_webhook: AddWebhook,
) -> None:
    add_webhook(receiver.url, "attempt")
    stopped, deleted, kept = map(new_name, ("stopped", "deleted", "kept"))
    browser = browsers.new(user=stopped)
    for user in (deleted, kept):
        browsers.new(user=user)
    push_service.hold()
    publish_to(instance, stopped, deleted, kept)
    eventually(push_service.held)
    browser.stop()
    assert instance.customer.delete_user(deleted).status == 200
    push_service.release()
    [call] = receiver.calls()
    assert [call.payload[name] for name in LISTS] == [[kept], [], [stopped, deleted]]


def test_a_report_is_told_once_however_often_it_comes(
    instance: Instance, browsers: Browsers, receiver: Receiver, add_webhook: AddWebhook
) -> None:
    add_webhook(receiver.url, "acknowledgement", "open")
    user = new_name("alice")
    browser = browsers.new(user=user)
    publish_id = publish_to(instance, user)
    eventually(browser.received)
    with ThreadPoolExecutor(8) as devices:
        for event in ["delivery", "Open"] * 4:
            devices.submit(report, browser, publish_id, event, userId=user)
    receiver.calls(2)
    end_of_all_before(instance, browsers, receiver)
    told = [(call.event, call.payload["user_id"]) for call in receiver.received()]
    assert sorted(told[:2]) == [
        ("v1.UserNotificationAcknowledgement", user),
        ("v1.UserNotificationOpen", user),
    ]
    assert len(told) == 3
    payload = {"instance_id": instance.id, "publish_id": publish_id, "user_id": user}
    assert [call.payload for call in receiver.received()[:2]] == [payload, payload]


def test_of_a_publish_to_interests_a_users_report_is_told(
    instance: Instance, browsers: Browsers, receiver: Receiver, add_webhook: AddWebhook
) -> None:
    add_webhook(receiver.url, "acknowledgement")
    user, interest = new_name("alice"), new_name("news")
    browser = browsers.new(user=user, interests=(interest,))
    publish_id = instance.publish.to_interests([interest], hello("news")).json()["publishId"]
    eventually(browser.received)
    report(browser, publish_id, "delivery")
    [call] = receiver.calls()
    assert (call.payload["publish_id"], call.payload["user_id"]) == (publish_id, user)


def test_a_report_that_proves_nothing_of_a_user_is_not_told(
    instance: Instance, browsers: Browsers, receiver: Receiver, add_webhook: AddWebhook
) -> None:
    add_webhook(receiver.url, "acknowledgement", "open")
    alice, bob = new_name("alice"), new_name("bob")
    hers, his, nobodys = browsers.new(user=alice), browsers.new(user=bob), browsers.new()
    publish_id = publish_to(instance, alice)
    eventually(hers.received)
    report(hers, publish_id, "open", userId=bob)
    report(his, publish_id, "open", userId=bob)
    report(nobodys, publish_id, "open", userId=alice)
    end_of_all_before(instance, browsers, receiver)
    assert len(receiver.received()) == 1


def end_of_all_before(instance: Instance, browsers: Browsers, receiver: Receiver) -> None:
    """Wait until a receiver of one webhook has got all that happened so far, and one more call.

    Calls to one receiver are made in the order they came to be, one after the other at first.
    """
    last = new_name("last")
    browser = browsers.new(user=last)
    publish_id = publish_to(instance, last)
    eventually(browser.received)
    report(browser, publish_id, "open")
    eventually(lambda: any(last in str(call.json()) for call in receiver.received()))


def test_each_webhook_is_told_what_it_asked_for(
    instance: Instance, browsers: Browsers, receiver: Receiver, add_webhook: AddWebhook
) -> None:
    user = new_name("alice")
    browser = browsers.new(user=user)
    with Receiver(secret=SECRET) as other:
        add_webhook(receiver.url, "v1.PublishToUsersAttempt", "open")
        add_webhook(other.url, "open")
        publish_id = publish_to(instance, user)
        eventually(browser.received)
        receiver.calls()
        report(browser, publish_id, "open")
        mine, others = receiver.calls(2), other.calls()
    assert [call.event for call in mine] == ["v1.PublishToUsersAttempt", "v1.UserNotificationOpen"]
    assert [call.event for call in others] == ["v1.UserNotificationOpen"]
    # It is one event, told in two calls.
    event_ids = {call.json()["metadata"]["event_id"] for call in (mine[1], others[0])}
    assert len(event_ids) == 1
    assert mine[1].request_id != others[0].request_id
