"""The Swift SDK's requests, in its order, against a running server."""

import sqlite3
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from tests.browsers import new_name
from tests.client import Instance
from tests.peers.ios_client import IOS_SDK, IosApp
from tests.peers.phone_jobs import Storage
from tests.peers.phone_wire import NoToken
from tests.push_tokens import new_push_token
from tests.server import Server

METADATA = {"sdkVersion": "4.0.0", "iosVersion": "17.4"}


@pytest.fixture(scope="module")
def instance(server: Server) -> Instance:
    return server.instance


@pytest.fixture
def token() -> str:
    """What Apple knows the app by."""
    return new_push_token("apns")


@pytest.fixture
def app(instance: Instance, token: str) -> IosApp:
    """An app that is launched, and has said so."""
    launched = process(instance, Storage())
    launched.launch(token)
    launched.wire.take()
    return launched


def process(instance: Instance, storage: Storage, metadata: dict[str, str] = METADATA) -> IosApp:
    """A process of the app on what the processes before have left."""
    return IosApp(instance, storage, metadata=metadata)


def device(instance: Instance, app: IosApp) -> dict[str, Any]:
    """What the server holds of the app's device; nothing if there is none."""
    reply = instance.devices.get(str(app.storage.device_id))
    if reply.status != 200:
        return {}
    known = instance.devices.all_interests(str(app.storage.device_id))
    return {**reply.json(), "interests": known}


@IOS_SDK.does("`start()` and `registerDeviceToken()`")
def test_a_first_launch_registers_and_says_no_more(instance: Instance, token: str) -> None:
    app = process(instance, Storage())
    app.launch(token)
    [exchange] = app.wire.exchanges
    assert str(exchange) == "POST devices/apns"
    assert exchange.body == {
        "token": token,
        "bundleIdentifier": "com.example.app",
        "metadata": METADATA,
    }
    assert exchange.headers == {
        "X-Pusher-Library": "push-notifications-swift 4.0.0",
        "Content-Type": "application/json",
    }
    assert (device(instance, app)["metadata"], app.fault) == (METADATA, None)


@IOS_SDK.does("interests and user from before `registerDeviceToken()`")
def test_interests_and_user_from_before_the_first_launch_go_out_with_it(
    instance: Instance, token: str
) -> None:
    app, user = process(instance, Storage()), new_name("alice")
    app.set_subscriptions(["news", "sport"])
    app.unsubscribe("sport")
    app.set_user_id(user)
    assert app.wire.take() == []
    app.launch(token)
    assert app.wire.take() == [
        "POST devices/apns",
        "PUT devices/apns/ID/interests",
        "PUT devices/apns/ID/user",
    ]
    assert device(instance, app)["interests"] == ["news"]
    assert device(instance, app)["userId"] == user


@IOS_SDK.does("every launch registers, and keeps device, user and interests")
def test_every_launch_registers_and_keeps_device_interests_and_user(
    instance: Instance, app: IosApp, token: str
) -> None:
    user = new_name("alice")
    app.set_subscriptions(["news", "sport"])
    app.set_user_id(user)
    before = device(instance, app)
    for said in (
        ["PUT devices/apns/ID/metadata", "PUT devices/apns/ID/interests", "POST devices/apns"],
        ["POST devices/apns"],
    ):
        again = process(instance, app.storage)
        again.launch(token)
        assert again.wire.take() == said
        assert again.storage.interests == frozenset({"news", "sport"})
        assert device(instance, again) == before


def test_interests_that_were_taken_away_on_the_server_are_gone_after_a_launch(
    instance: Instance, app: IosApp, token: str
) -> None:
    app.set_subscriptions(["news", "sport"])
    process(instance, app.storage).launch(token)
    device_id = str(app.storage.device_id)
    assert instance.devices.put_interests(device_id, ["sport"]).status == 200
    process(instance, app.storage).launch(token)
    assert app.storage.interests == frozenset({"sport"})


@IOS_SDK.does("an update of the app is told")
def test_an_update_of_the_app_is_told(instance: Instance, app: IosApp, token: str) -> None:
    newer = {**METADATA, "iosVersion": "18.0"}
    updated = process(instance, app.storage, newer)
    updated.launch(token)
    assert "PUT devices/apns/ID/metadata" in updated.wire.take()
    assert device(instance, updated)["metadata"] == newer


@IOS_SDK.does(
    "a new push token", result="a new device without user and interests: set them at each launch"
)
def test_a_new_token_is_a_new_device(instance: Instance, app: IosApp) -> None:
    """The SDK has no words for "this device has a new token"."""
    app.subscribe("news")
    app.set_user_id(new_name("alice"))
    before = app.storage.device_id
    app.register_device_token(new_push_token("apns"))
    assert app.wire.take()[-1] == "POST devices/apns"
    assert app.storage.device_id != before
    renewed = device(instance, app)
    assert (renewed["interests"], renewed["userId"]) == ([], "")


def test_an_app_that_sets_its_user_at_each_launch_has_it_with_a_new_token(
    instance: Instance, app: IosApp
) -> None:
    user = new_name("alice")
    app.set_user_id(user)
    app.register_device_token(new_push_token("apns"))
    app.set_user_id(user)
    assert device(instance, app)["userId"] == user


@IOS_SDK.does("`addDeviceInterest()`", "`removeDeviceInterest()`", "`setDeviceInterests()`")
def test_interests_go_out_one_by_one(instance: Instance, app: IosApp) -> None:
    name = "a_-=@,.;Z9"
    app.subscribe(name)
    app.subscribe(name)
    app.subscribe("news")
    app.unsubscribe("news")
    app.set_subscriptions([name, "sport"])
    assert app.wire.take() == [
        f"POST devices/apns/ID/interests/{name}",
        "POST devices/apns/ID/interests/news",
        "DELETE devices/apns/ID/interests/news",
        "PUT devices/apns/ID/interests",
    ]
    assert device(instance, app)["interests"] == sorted([name, "sport"])


@IOS_SDK.does("what changes offline is sent later")
def test_what_changes_offline_is_sent_when_the_phone_is_back(
    instance: Instance, app: IosApp
) -> None:
    app.subscribe("news")
    app.wire.online = False
    app.subscribe("sport")
    app.unsubscribe("news")
    app.set_user_id(new_name("alice"))
    app.handle_notification(notification(instance, "pubid-1"), "background")
    after_a_crash = process(instance, app.storage)
    assert after_a_crash.wire.take() == [
        "POST devices/apns/ID/interests/sport",
        "DELETE devices/apns/ID/interests/news",
        "POST events",
    ]
    assert (device(instance, app)["interests"], device(instance, app)["userId"]) == (["sport"], "")


@IOS_SDK.does("`setUserId()`", "error for another user before `stop()`")
def test_a_user_is_put_each_time_and_no_other_after(instance: Instance, app: IosApp) -> None:
    alice = new_name("alice")
    for _ in range(3):
        app.set_user_id(alice)
    app.set_user_id(new_name("bob"))
    assert app.wire.take() == ["PUT devices/apns/ID/user"] * 3
    assert app.user_results == ["ok", "ok", "ok", "another user is set"]
    assert device(instance, app)["userId"] == alice


@IOS_SDK.does("error for the 101st phone of a user")
def test_the_101st_phone_of_a_user_is_told_so_and_goes_on(instance: Instance, app: IosApp) -> None:
    user = new_name("many")
    for _ in range(100):
        instance.device_of(user, "apns")
    app.set_user_id(user)
    app.subscribe("news")
    assert app.wire.take() == [
        "PUT devices/apns/ID/user 400",
        "POST devices/apns/ID/interests/news",
    ]
    assert app.user_results == ["User has reached the maximum of 100 devices"]
    assert app.wire.delays_s == []


@IOS_SDK.does("`stop()`")
def test_a_stop_deletes_the_device_and_the_next_launch_makes_another(
    instance: Instance, app: IosApp, token: str
) -> None:
    app.subscribe("news")
    stopped = device(instance, app)["id"]
    app.stop()
    assert instance.devices.get(stopped).status == 404
    app.wire.take()
    app.launch(token)
    assert app.wire.take() == ["POST devices/apns"]
    fresh = device(instance, app)
    assert (fresh["id"] != stopped, fresh["interests"]) == (True, [])


@IOS_SDK.does("`clearAllState()`")
def test_clearing_all_state_makes_another_device_of_the_same_token(
    instance: Instance, app: IosApp, token: str
) -> None:
    app.subscribe("news")
    app.set_user_id(new_name("alice"))
    cleared = app.storage.device_id
    app.wire.take()
    app.clear_all_state()
    assert app.wire.take() == ["DELETE devices/apns/ID", "POST devices/apns"]
    assert app.storage.token == token
    fresh = device(instance, app)
    assert (fresh["id"] != cleared, fresh["userId"], fresh["interests"]) == (True, "", [])


@IOS_SDK.does(
    "a deleted device comes back with interests and user, once the app has something to say"
)
def test_a_device_that_was_deleted_comes_back_with_interests_and_user(
    instance: Instance, app: IosApp
) -> None:
    user = new_name("alice")
    app.set_subscriptions(["news", "sport"])
    app.set_user_id(user)
    deleted = app.storage.device_id
    app.wire.take()
    assert instance.customer.delete_user(user).status == 200

    app.subscribe("art")

    assert app.wire.take() == [
        "POST devices/apns/ID/interests/art 404",
        "POST devices/apns",
        "PUT devices/apns/ID/interests",
        "PUT devices/apns/ID/user",
        "POST devices/apns/ID/interests/art",
    ]
    back = device(instance, app)
    assert back["id"] != deleted
    assert (back["userId"], back["interests"]) == (user, ["art", "news", "sport"])


@IOS_SDK.does("a deleted user who gets no more tokens stays away")
def test_a_deleted_user_whose_token_is_refused_stays_away(instance: Instance, app: IosApp) -> None:
    user = new_name("alice")
    app.set_user_id(user)
    assert instance.customer.delete_user(user).status == 200

    def refuse(_user_id: str) -> str:
        raise NoToken

    app.token_for = refuse
    app.subscribe("news")
    assert device(instance, app)["userId"] == ""


@IOS_SDK.does(
    "a launch of a device that is gone",
    result="a new device without user and interests: set them at each launch",
)
def test_the_next_launch_brings_back_a_device_that_was_deleted_but_not_its_interests(
    instance: Instance, app: IosApp, token: str
) -> None:
    """What a launch before had told the server of, the phone takes for known there."""
    app.subscribe("news")
    process(instance, app.storage).launch(token)
    process(instance, app.storage).launch(token)
    assert instance.devices.delete(str(app.storage.device_id)).status == 200
    again = process(instance, app.storage)
    again.launch(token)
    assert again.wire.take() == ["POST devices/apns"]
    assert device(instance, again)["interests"] == []


@IOS_SDK.does("error for what is no push token")
def test_a_token_that_is_none_ends_in_a_clear_word(instance: Instance) -> None:
    app = process(instance, Storage())
    app.launch("not hexadecimal")
    assert "device token" in str(app.fault)
    assert app.wire.delays_s == []


@pytest.mark.parametrize("token", ["", "ab" * 3000])
def test_a_token_of_a_wrong_length_ends_in_a_word(instance: Instance, token: str) -> None:
    app = process(instance, Storage())
    app.launch(token)
    assert app.fault
    assert app.wire.delays_s == []


@IOS_SDK.does("error for an unknown instance")
def test_an_instance_that_is_unknown_ends_in_a_word(instance: Instance, token: str) -> None:
    app = process(Instance(instance.client, str(uuid4()), "k" * 64), Storage())
    app.launch(token)
    assert app.fault == "Could not find the instance"


@IOS_SDK.does("a refused interest holds nothing up")
def test_an_interest_that_the_server_refuses_holds_nothing_up(
    instance: Instance, app: IosApp
) -> None:
    for name in ("a:b", "x" * 165, "%zz"):
        app.subscribe(name)
    app.subscribe("news")
    assert {line.rpartition(" ")[2] for line in app.wire.take()[:-1]} == {"400"}
    assert app.wire.delays_s == []
    assert device(instance, app)["interests"] == ["news"]


def test_more_interests_than_a_device_may_have_hold_nothing_up(app: IosApp) -> None:
    app.set_subscriptions([f"interest-{number}" for number in range(5001)])
    app.subscribe("one-more")
    assert app.wire.take() == [
        "PUT devices/apns/ID/interests 400",
        "POST devices/apns/ID/interests/one-more",
    ]
    assert app.wire.delays_s == []


@IOS_SDK.does("error for a refused token")
def test_no_beams_token_is_refused_again_and_again(instance: Instance, app: IosApp) -> None:
    user = new_name("alice")
    right = instance.claims(user)
    wrong: list[dict[str, object]] = [
        {**right, "exp": 1},
        {**right, "iss": f"https://{uuid4()}.pushnotifications.pusher.com"},
        {key: value for key, value in right.items() if key != "sub"},
        {**right, "sub": "a" * 165},
    ]
    tokens = [instance.sign(claims) for claims in wrong]
    for beams_token in [*tokens, instance.with_key("k" * 64).token(user), "not.a.token", "x"]:
        app.token_for = lambda _user_id, sent=beams_token: sent  # type: ignore[misc]
        app.set_user_id(user)
    assert len(app.user_results) == 7
    # The SDK would take a text with these words for a word on its push token.
    assert not [result for result in app.user_results if result == "ok" or "device token" in result]
    assert app.wire.delays_s == []


def notification(instance: Instance, publish_id: str) -> dict[str, object]:
    pusher = {"instanceId": instance.id, "publishId": publish_id, "userShouldIgnore": True}
    return {"aps": {"alert": "Hello"}, "data": {"pusher": pusher}}


def test_a_report_of_anything_never_makes_the_device_anew(instance: Instance, app: IosApp) -> None:
    assert instance.devices.delete(str(app.storage.device_id)).status == 200
    app.handle_notification(notification(instance, "pubid-unknown"), "background")
    app.handle_notification(notification(instance, f"pubid-{uuid4()}"), "inactive")
    assert app.wire.take() == ["POST events", "POST events"]


@IOS_SDK.does("a server that can't answer delays, and loses nothing")
def test_a_report_is_taken_and_the_rest_waits_while_the_database_is_not_there(
    own_server: Server, token: str
) -> None:
    instance = own_server.instance
    app = process(instance, Storage())
    app.launch(token)
    app.wire.take()
    with closing(sqlite3.connect(own_server.data / "heliograph.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        app.handle_notification(notification(instance, f"pubid-{uuid4()}"), "background")
        assert app.wire.delays_s == []

        app.wire.meanwhile = lambda: other.execute("ROLLBACK")
        app.subscribe("news")
    assert app.wire.delays_s == [0.2]
    assert app.wire.take() == [
        "POST events",
        "POST devices/apns/ID/interests/news 503",
        "POST devices/apns/ID/interests/news",
    ]
    assert device(instance, app)["interests"] == ["news"]
