"""A push service that can't be found: it holds up no other, and in the end its devices go."""

import sqlite3
from datetime import timedelta

import pytest

from tests.browsers import Browsers, hello, new_name
from tests.push_tokens import new_web_subscription
from tests.server import Server
from tests.waiting import eventually, finished

BRIEFLY = {"time_to_live": 1}


def browser_at(server: Server, origin: str, *, user: str) -> str:
    """A browser of the user whose push service is said to be there; its device id."""
    subscription = {**new_web_subscription(), "endpoint": f"{origin}/push/{user}"}
    devices = server.instance.devices
    device_id: str = devices.register_web(subscription).json()["id"]
    assert devices.put_user(device_id, server.instance.token(user)).status == 200
    return device_id


def age(server: Server, device_id: str, by: timedelta) -> None:
    """Let the device's host have been lost for so much longer."""
    milliseconds = by // timedelta(milliseconds=1)
    with sqlite3.connect(server.data / "heliograph.db", timeout=10) as database:
        changed = database.execute(
            "UPDATE devices SET lost_since = lost_since - ? WHERE id = ?", (milliseconds, device_id)
        )
        assert changed.rowcount == 1
    database.close()


def is_lost(server: Server, device_id: str) -> bool:
    with sqlite3.connect(server.data / "heliograph.db", timeout=10) as database:
        [(since,)] = database.execute("SELECT lost_since FROM devices WHERE id = ?", (device_id,))
    database.close()
    return since is not None


def test_a_dead_push_service_holds_up_no_other_on_the_same_host(
    own_server: Server, own_browsers: Browsers
) -> None:
    dead = [new_name("dead") for _ in range(8)]
    for user in dead:
        browser_at(own_server, "https://localhost:1", user=user)
    reply = own_server.instance.publish.to_users(dead, hello("to nobody", **BRIEFLY))
    assert finished(own_server, reply.json()["publishId"])["failed"] == len(dead)
    browser = own_browsers.new(user=(user := new_name("alice")))
    # Had it to wait, it would be too late.
    reply = own_server.instance.publish.to_users([user], hello("at once", **BRIEFLY))
    assert finished(own_server, reply.json()["publishId"])["delivered"] == 1
    assert browser.titles() == ["at once"]


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        ("https://nowhere.invalid", "the host name can't be resolved"),
        ("https://10.1.2.3", "the endpoint is in a network that must not be reached"),
    ],
)
def test_a_device_whose_host_is_lost_for_a_week_is_removed(
    own_server: Server, origin: str, reason: str
) -> None:
    user, publish = new_name("alice"), own_server.instance.publish
    device_id = browser_at(own_server, origin, user=user)
    for _ in range(2):
        reply = publish.to_users([user], hello("where?", **BRIEFLY))
        report = finished(own_server, reply.json()["publishId"])
        assert (report["failed"], report["reasons"]) == (1, {f"failed: {reason}": 1})
        age(own_server, device_id, timedelta(days=3))
    age(own_server, device_id, timedelta(days=1))
    reply = publish.to_users([user], hello("gone", **BRIEFLY))
    report = finished(own_server, reply.json()["publishId"])
    assert report["reasons"] == {f"removed: {reason}, for a week": 1}
    assert own_server.instance.devices.get(device_id).status == 404


def test_a_device_whose_host_answers_again_is_not_lost_any_more(
    own_server: Server, own_browsers: Browsers
) -> None:
    browser = own_browsers.new(user=(user := new_name("alice")))
    with sqlite3.connect(own_server.data / "heliograph.db", timeout=10) as database:
        database.execute("UPDATE devices SET lost_since = 1")
    database.close()
    assert is_lost(own_server, browser.device_id)
    own_server.instance.publish.to_users([user], hello("found"))
    eventually(lambda: not is_lost(own_server, browser.device_id))
    assert browser.titles() == ["found"]
