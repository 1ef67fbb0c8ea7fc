"""What became of a publish is told user by user, also while it is under way."""

import json
import time
from typing import Any

from tests.browsers import Browser, Browsers, hello, new_name
from tests.push_service import Answer, PushService
from tests.server import Server
from tests.waiting import eventually, finished


def report(browser: Browser, publish_id: str, event: str) -> None:
    body = {
        "event": event,
        "publishId": publish_id,
        "deviceId": browser.device_id,
        "timestampSecs": int(time.time()),
    }
    assert browser.instance.reporting.report(body).status == 200


def by_user(server: Server, publish_id: str) -> dict[str, dict[str, Any]]:
    reply = server.instance.admin.users_of(publish_id)
    return {user["userId"]: user for user in reply.json()["users"]} if reply.status == 200 else {}


def outcomes(server: Server, publish_id: str) -> dict[str, str]:
    return {user: said["outcome"] for user, said in by_user(server, publish_id).items()}


def counted(said: dict[str, Any]) -> dict[str, Any]:
    return {name: number for name, number in said.items() if number and name != "userId"}


def test_each_user_is_told_of_by_its_own_devices(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    alice, bob, carol, dave = (new_name(name) for name in ("alice", "bob", "carol", "dave"))
    first, second = own_browsers.new(user=alice), own_browsers.new(user=alice)
    refused, gone = own_browsers.new(user=carol), own_browsers.new(user=carol)
    own_browsers.new(user=dave)
    push_service.answer_next(second.subscription, Answer(status=413))
    push_service.answer_next(refused.subscription, Answer(status=413))
    push_service.expire(gone.subscription)
    users = [alice, bob, carol, dave]
    reply = own_server.instance.publish.to_users(users, hello("each"))
    publish_id = reply.json()["publishId"]
    finished(own_server, publish_id)
    for event in ("delivery", "open", "open"):
        report(first, publish_id, event)
    said = by_user(own_server, publish_id)
    assert [*said] == sorted(users)
    assert counted(said[alice]) == {
        "outcome": "delivered",
        "targets": 2,
        "delivered": 1,
        "failed": 1,
        "acknowledged": 1,
        "opened": 1,
        "reasons": {"failed: HTTP 413": 1},
    }
    assert counted(said[bob]) == {"outcome": "no devices"}
    assert counted(said[carol]) == {
        "outcome": "failed",
        "targets": 2,
        "failed": 1,
        "removed": 1,
        "reasons": {"failed: HTTP 413": 1, "removed: HTTP 410": 1},
    }
    assert counted(said[dave]) == {"outcome": "delivered", "targets": 1, "delivered": 1}
    whole = own_server.instance.admin.publish(publish_id).json()["platforms"]["web"]
    for name in ("targets", "delivered", "failed", "removed", "acknowledged", "opened"):
        assert whole[name] == sum(one[name] for one in said.values()), name
    shown = own_server.cli("publish", "show", publish_id, "--users").stdout
    assert f"{bob}" in shown
    assert "1 removed: HTTP 410" in shown


def test_under_way_it_is_told_what_is_known_and_no_more(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    waiting, reached, failed, absent = map(new_name, ("waiting", "reached", "failed", "absent"))
    busy, refused = own_browsers.new(user=waiting), own_browsers.new(user=failed)
    own_browsers.new(user=reached)
    # On a connection that is new, the first goes alone.
    finished(own_server, own_server.instance.publish.to_users([reached]).json()["publishId"])
    push_service.answer_next(busy.subscription, Answer(status=503))
    push_service.answer_next(refused.subscription, Answer(status=413))
    push_service.hold()
    users = [waiting, reached, failed, absent]
    reply = own_server.instance.publish.to_users(users, hello("wait"))
    publish_id = reply.json()["publishId"]
    eventually(lambda: push_service.held() == 3)
    assert outcomes(own_server, publish_id) == dict.fromkeys(users, "under way")
    push_service.release()
    eventually(lambda: by_user(own_server, publish_id)[waiting]["retried"])
    eventually(lambda: by_user(own_server, publish_id)[failed]["failed"])
    eventually(lambda: by_user(own_server, publish_id)[reached]["delivered"])
    so_far = {waiting: "under way", reached: "delivered", failed: "under way", absent: "under way"}
    assert outcomes(own_server, publish_id) == so_far
    shown = own_server.instance.admin.publish(publish_id).json()
    counts = shown["platforms"]["web"]
    assert (shown["state"], shown["finishedAt"]) == ("under way", None)
    assert (counts["targets"], counts["retried"]) == (3, 1)
    assert (counts["failed"], counts["delivered"]) == (1, 1)
    assert finished(own_server, publish_id)["delivered"] == 2
    so_far = {waiting: "delivered", reached: "delivered", failed: "failed", absent: "no devices"}
    assert outcomes(own_server, publish_id) == so_far


def test_a_publish_that_is_cancelled_is_that_for_who_was_not_reached(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    alice, bob = new_name("alice"), new_name("bob")
    browser = own_browsers.new(user=alice)
    push_service.answer_next(browser.subscription, Answer(status=503))
    reply = own_server.instance.publish.to_users([alice, bob], hello("never mind"))
    publish_id = reply.json()["publishId"]
    eventually(lambda: by_user(own_server, publish_id).get(alice, {}).get("retried"))
    assert own_server.cli("publish", "cancel", publish_id).returncode == 0
    listed = json.loads(own_server.cli("publish", "list", "--state", "cancelled", "--json").stdout)
    assert [one["publishId"] for one in listed["publishes"]] == [publish_id]
    finished(own_server, publish_id)
    assert outcomes(own_server, publish_id) == dict.fromkeys([alice, bob], "cancelled")
