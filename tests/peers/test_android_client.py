"""The Android SDK's requests, in its order, against a running server, below both bases of paths."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.browsers import new_name
from tests.client import Instance
from tests.peers.android_client import ANDROID_SDK, AlreadyRegisteredAnotherUser, AndroidApp
from tests.peers.phone_jobs import Storage
from tests.peers.phone_wire import NoToken
from tests.push_tokens import new_push_token
from tests.server import Server

METADATA = {"sdkVersion": "1.9.2", "androidVersion": "14"}
#: What comes before `instances/`: in the device API, in the reporting API.
BASES = [("/device_api/v1/", "/reporting_api/v2/"), ("/", "/")]

Launch = Callable[..., AndroidApp]


@pytest.fixture(scope="module")
def instance(server: Server) -> Instance:
    return server.instance


@pytest.fixture(params=BASES, ids=["long paths", "short paths"])
def launch(request: pytest.FixtureRequest, instance: Instance) -> Launch:
    """Begin a process of the app on what the processes before have left."""
    device_base, reporting_base = request.param

    def process(
        storage: Storage, metadata: dict[str, str] = METADATA, of: Instance = instance
    ) -> AndroidApp:
        return AndroidApp(
            of,
            storage,
            metadata=metadata,
            device_base=device_base,
            reporting_base=reporting_base,
        )

    return process


@pytest.fixture
def token() -> str:
    """What Firebase knows the app by."""
    return new_push_token("fcm")


@pytest.fixture
def app(launch: Launch, token: str) -> AndroidApp:
    """An app that is started, and has said so."""
    started = launch(Storage())
    started.start(token)
    started.wire.take()
    return started


def device(instance: Instance, app: AndroidApp) -> dict[str, Any]:
    """What the server holds of the app's device; nothing if there is none."""
    reply = instance.devices.get(str(app.storage.device_id))
    if reply.status != 200:
        return {}
    known = instance.devices.all_interests(str(app.storage.device_id))
    return {**reply.json(), "interests": known}


@ANDROID_SDK.does("`start()`")
def test_a_first_start_registers_and_says_no_more(
    instance: Instance, launch: Launch, token: str
) -> None:
    app = launch(Storage())
    app.start(token)
    [exchange] = app.wire.exchanges
    assert str(exchange) == "POST devices/fcm"
    assert exchange.body == {"token": token, "knownPreviousClientIds": [], "metadata": METADATA}
    assert exchange.headers == {"X-Pusher-Library": "push-notifications-android 1.9.2"}
    assert device(instance, app) == {
        "id": app.storage.device_id,
        "userId": "",
        "metadata": METADATA,
        "deviceMetadata": METADATA,
        "interests": [],
    }


@ANDROID_SDK.does("interests from before `start()`")
def test_interests_from_before_the_first_start_are_put_at_once(
    instance: Instance, launch: Launch, token: str
) -> None:
    app = launch(Storage())
    for interest in ("news", "sport", "art"):
        app.subscribe(interest)
    app.unsubscribe("sport")
    assert app.wire.take() == []
    app.start(token)
    assert app.wire.take() == ["POST devices/fcm", "PUT devices/fcm/ID/interests"]
    assert device(instance, app)["interests"] == ["art", "news"]


@ANDROID_SDK.does("`setUserId()` before `start()`")
def test_a_user_from_before_the_first_start_is_set_with_it(
    instance: Instance, launch: Launch, token: str
) -> None:
    app, user = launch(Storage()), new_name("alice")
    app.set_user_id(user)
    app.start(token)
    assert app.wire.take() == ["POST devices/fcm", "PUT devices/fcm/ID/user"]
    assert device(instance, app)["userId"] == user


@ANDROID_SDK.does("devices that the app was before hand on their interests")
def test_devices_of_before_hand_on_their_interests(
    instance: Instance, launch: Launch, token: str
) -> None:
    before = instance.devices.new("fcm")
    assert instance.devices.put_interests(before, ["news"]).status == 200
    app = launch(Storage())
    app.start(token, previous=[before, "a-client-of-the-beta"])
    assert app.wire.take() == ["POST devices/fcm"]
    assert app.interests_seen_by_listener == [frozenset({"news"})]
    assert device(instance, app)["interests"] == ["news"]


@ANDROID_SDK.does("`start()` again, also after an update of the app")
def test_the_next_starts_say_what_is_new_once(
    instance: Instance, launch: Launch, app: AndroidApp, token: str
) -> None:
    again = launch(app.storage)
    again.start(token)
    assert again.wire.take() == ["PUT devices/fcm/ID/metadata", "PUT devices/fcm/ID/interests"]
    again.start(token)
    assert again.wire.take() == []
    updated = launch(app.storage, {**METADATA, "sdkVersion": "1.10.0"})
    updated.start(token)
    assert updated.wire.take() == ["PUT devices/fcm/ID/metadata"]
    assert device(instance, app)["metadata"] == {**METADATA, "sdkVersion": "1.10.0"}


@ANDROID_SDK.does("a new push token keeps the device, its user and interests")
def test_a_new_token_keeps_the_device(instance: Instance, app: AndroidApp, token: str) -> None:
    app.on_new_token(token)
    assert app.wire.take() == []
    app.subscribe("news")
    renewed = new_push_token("fcm")
    app.on_new_token(renewed)
    assert app.wire.take()[-1] == "PUT devices/fcm/ID/token"
    known = instance.devices.register_fcm(renewed).json()
    assert known == {"id": app.storage.device_id, "initialInterestSet": ["news"]}


@ANDROID_SDK.does("`addDeviceInterest()`", "`removeDeviceInterest()`", "`setDeviceInterests()`")
def test_interests_go_out_one_by_one(instance: Instance, app: AndroidApp) -> None:
    name = "a_-=@,.;Z9"
    app.subscribe(name)
    app.subscribe(name)
    app.subscribe("news")
    app.unsubscribe("news")
    app.unsubscribe("news")
    app.set_subscriptions([name, "sport"])
    app.set_subscriptions(["sport", name])
    assert app.wire.take() == [
        f"POST devices/fcm/ID/interests/{name}",
        "POST devices/fcm/ID/interests/news",
        "DELETE devices/fcm/ID/interests/news",
        "PUT devices/fcm/ID/interests",
    ]
    assert device(instance, app)["interests"] == sorted([name, "sport"])


@ANDROID_SDK.does("what changes offline is sent later")
def test_what_changes_offline_is_sent_when_the_phone_is_back(
    instance: Instance, launch: Launch, app: AndroidApp
) -> None:
    app.subscribe("news")
    app.wire.online = False
    app.subscribe("sport")
    app.unsubscribe("news")
    app.set_user_id(new_name("alice"))
    assert device(instance, app)["interests"] == ["news"]

    after_a_crash = launch(app.storage)
    assert after_a_crash.wire.take() == [
        "POST devices/fcm/ID/interests/sport",
        "DELETE devices/fcm/ID/interests/news",
    ]
    assert (device(instance, app)["interests"], device(instance, app)["userId"]) == (["sport"], "")


@ANDROID_SDK.does("interests that the server lacks are put at the next `start()`")
def test_interests_that_the_server_lacks_are_synchronised_at_a_start(
    instance: Instance, launch: Launch, app: AndroidApp, token: str
) -> None:
    app.set_subscriptions(["news", "sport"])
    device_id = str(app.storage.device_id)
    assert instance.devices.put_interests(device_id, []).status == 200
    launch(app.storage).start(token)
    assert device(instance, app)["interests"] == ["news", "sport"]


@ANDROID_SDK.does("`setUserId()`", "error for another user before `stop()`")
def test_a_user_is_set_once_and_no_other_after(instance: Instance, app: AndroidApp) -> None:
    alice, bob = new_name("alice"), new_name("bob")
    app.set_user_id(alice)
    app.set_user_id(alice)
    with pytest.raises(AlreadyRegisteredAnotherUser):
        app.set_user_id(bob)
    [put] = app.wire.exchanges
    assert (str(put), put.body) == ("PUT devices/fcm/ID/user", None)
    assert app.user_results == ["ok", "ok"]
    assert device(instance, app)["userId"] == alice
    app.stop()
    app.start(new_push_token("fcm"))
    app.set_user_id(bob)
    assert device(instance, app)["userId"] == bob


def test_a_phone_that_forgot_its_user_gets_the_same_and_no_other(
    instance: Instance, app: AndroidApp
) -> None:
    alice = new_name("alice")
    app.set_user_id(alice)
    app.storage.user_id = None
    app.set_user_id(new_name("bob"))
    app.set_user_id(alice)
    assert app.user_results == ["ok", "A User Id is already associated with this device.", "ok"]
    assert device(instance, app)["userId"] == alice


@ANDROID_SDK.does("error for the 101st phone of a user")
def test_the_101st_phone_of_a_user_is_told_so_and_goes_on(
    instance: Instance, app: AndroidApp
) -> None:
    user = new_name("many")
    for _ in range(100):
        instance.device_of(user, "fcm")
    app.set_user_id(user)
    app.subscribe("news")
    assert app.wire.take() == [
        "PUT devices/fcm/ID/user 422",
        "POST devices/fcm/ID/interests/news",
    ]
    assert app.user_results == ["User has reached the maximum of 100 devices"]
    assert app.wire.delays_s == []


@ANDROID_SDK.does("`stop()`")
def test_a_stop_deletes_the_device_and_the_next_start_makes_another(
    instance: Instance, app: AndroidApp, token: str
) -> None:
    app.subscribe("news")
    stopped = device(instance, app)["id"]
    app.stop()
    assert app.wire.take()[-1] == "DELETE devices/fcm/ID"
    assert instance.devices.get(stopped).status == 404
    app.start(token)
    assert app.wire.take() == ["POST devices/fcm"]
    assert device(instance, app)["id"] != stopped
    assert device(instance, app)["interests"] == []


@ANDROID_SDK.does("`clearAllState()`")
def test_clearing_all_state_makes_another_device_of_the_same_token(
    instance: Instance, app: AndroidApp, token: str
) -> None:
    app.subscribe("news")
    app.set_user_id(new_name("alice"))
    cleared = app.storage.device_id
    app.wire.take()
    app.clear_all_state()
    assert app.wire.take() == ["DELETE devices/fcm/ID", "POST devices/fcm"]
    assert app.storage.token == token
    fresh = device(instance, app)
    assert (fresh["id"] != cleared, fresh["userId"], fresh["interests"]) == (True, "", [])


@ANDROID_SDK.does("`stop()` of a device that is gone")
def test_a_stop_of_a_device_that_is_gone_already_ends(instance: Instance, app: AndroidApp) -> None:
    assert instance.devices.delete(str(app.storage.device_id)).status == 200
    app.stop()
    assert app.storage.device_id is None
    assert app.wire.delays_s == []


def test_a_start_that_died_before_it_was_noted_finds_its_device_again(
    instance: Instance, launch: Launch, app: AndroidApp, token: str
) -> None:
    app.subscribe("news")
    app.set_user_id(new_name("alice"))
    before = device(instance, app)
    again = launch(Storage())
    again.start(token)
    assert device(instance, again) == before
    assert again.storage.interests == frozenset({"news"})


@ANDROID_SDK.does(
    "a deleted device comes back with interests and user, once the app has something to say"
)
def test_a_device_that_was_deleted_comes_back_with_interests_and_user(
    instance: Instance, app: AndroidApp
) -> None:
    user = new_name("alice")
    app.set_subscriptions(["news", "sport"])
    app.set_user_id(user)
    deleted = app.storage.device_id
    app.wire.take()
    assert instance.customer.delete_user(user).status == 200

    app.subscribe("art")

    assert app.wire.take() == [
        "POST devices/fcm/ID/interests/art 404",
        "POST devices/fcm",
        "PUT devices/fcm/ID/interests",
        "PUT devices/fcm/ID/user",
        "POST devices/fcm/ID/interests/art",
    ]
    back = device(instance, app)
    assert back["id"] != deleted
    assert (back["userId"], back["interests"]) == (user, ["art", "news", "sport"])


@ANDROID_SDK.does("a deleted user who gets no more tokens stays away")
def test_a_deleted_user_whose_token_is_refused_stays_away(
    instance: Instance, app: AndroidApp
) -> None:
    user = new_name("alice")
    app.set_user_id(user)
    assert instance.customer.delete_user(user).status == 200

    def refuse(_user_id: str) -> str:
        raise NoToken

    app.token_for = refuse
    app.subscribe("news")
    assert (device(instance, app)["userId"], app.storage.user_id) == ("", None)


@pytest.mark.parametrize("job", ["unsubscribe", "set", "token", "user"])
def test_every_job_brings_a_deleted_device_back(
    instance: Instance, app: AndroidApp, job: str
) -> None:
    app.subscribe("news")
    assert instance.devices.delete(str(app.storage.device_id)).status == 200
    match job:
        case "unsubscribe":
            app.unsubscribe("news")
        case "set":
            app.set_subscriptions(["sport"])
        case "token":
            app.on_new_token(new_push_token("fcm"))
        case _:
            app.set_user_id(new_name("alice"))
    assert device(instance, app)["interests"] == sorted(app.storage.interests)
    assert app.wire.delays_s == []


@ANDROID_SDK.does(
    "`start()` of a device that is gone",
    result="not noticed: the phone gets nothing until it changes interests, user or push token",
)
def test_a_start_that_nobody_answers_is_not_noticed(
    instance: Instance, launch: Launch, app: AndroidApp, token: str
) -> None:
    """What was deleted stays so until the app has something to say."""
    assert instance.devices.delete(str(app.storage.device_id)).status == 200
    launch(app.storage).start(token)
    assert device(instance, app) == {}


@ANDROID_SDK.does("a refused interest holds nothing up")
def test_an_interest_that_the_server_refuses_holds_nothing_up(
    instance: Instance, app: AndroidApp
) -> None:
    for name in ("a:b", "a b", "ä", "%41", "a/b", "x" * 165):
        app.subscribe(name)
    app.subscribe("news")
    assert {line.rpartition(" ")[2] for line in app.wire.take()[:-1]} == {"400"}
    assert app.wire.delays_s == []
    assert device(instance, app)["interests"] == ["news"]


def test_more_interests_than_a_device_may_have_hold_nothing_up(
    instance: Instance, app: AndroidApp
) -> None:
    app.set_subscriptions([f"interest-{number}" for number in range(5000)])
    app.subscribe("one-more")
    app.set_user_id(new_name("alice"))
    assert app.user_results == ["ok"]
    assert app.wire.delays_s == []
    assert len(device(instance, app)["interests"]) == 5000


@ANDROID_SDK.does("error for a refused token")
def test_no_beams_token_is_refused_again_and_again(instance: Instance, app: AndroidApp) -> None:
    user = new_name("alice")
    right = instance.claims(user)
    wrong: dict[str, dict[str, object]] = {
        "expired": {**right, "exp": 1},
        "of another instance": {**right, "iss": f"https://{uuid4()}.pushnotifications.pusher.com"},
        "without a user": {key: value for key, value in right.items() if key != "sub"},
        "of too long a user": {**right, "sub": "a" * 165},
    }
    tokens = [instance.sign(claims) for claims in wrong.values()]
    stranger = instance.with_key("k" * 64)
    for beams_token in [*tokens, stranger.token(user), "not.a.token", "nothing"]:
        app.token_for = lambda _user_id, sent=beams_token: sent  # type: ignore[misc]
        app.set_user_id(user)
    assert "ok" not in app.user_results
    assert len(app.user_results) == len(wrong) + 3
    assert app.wire.delays_s == []
    app.token_for = instance.token
    app.set_user_id(user)
    assert device(instance, app)["userId"] == user


@ANDROID_SDK.does("an unknown instance", result="asked for again and again, until it is there")
def test_a_phone_waits_for_an_instance_that_is_not_there_yet(
    server: Server, launch: Launch, token: str
) -> None:
    """A wrong instance id is the one thing that keeps an Android phone asking."""
    instance_id = str(uuid4())
    app = launch(Storage(), of=Instance(server.client, instance_id, "k" * 64))

    def create() -> None:
        if len(app.wire.delays_s) == 3:
            server.create_instance("late", "--id", instance_id)

    app.wire.meanwhile = create
    app.start(token)
    assert app.wire.take() == ["POST devices/fcm 404"] * 3 + ["POST devices/fcm"]
    assert app.wire.delays_s == [0.2, 0.4, 0.8]


def test_reports_are_taken_whatever_they_are_of(app: AndroidApp, instance: Instance) -> None:
    for name in ("anything", "pubid-unknown", f"pubid-{uuid4()}"):
        pusher = {"instanceId": instance.id, "publishId": name, "hasData": True}
        app.reports.receive({"data": {"pusher": json.dumps(pusher)}})
    assert app.wire.take() == ["POST events"] * 3


@ANDROID_SDK.does("a server that is away delays, and loses nothing")
def test_a_server_that_is_away_delays_a_phone_and_loses_nothing(
    own_server: Server, launch: Launch, token: str
) -> None:
    instance = own_server.instance
    app = launch(Storage(), of=instance)
    app.subscribe("news")
    own_server.stop()

    def come_back() -> None:
        if len(app.wire.delays_s) == 4:
            own_server.restart()

    app.wire.meanwhile = come_back
    app.start(token)
    assert app.wire.take() == ["POST devices/fcm", "PUT devices/fcm/ID/interests"]
    assert app.wire.delays_s == [0.2, 0.4, 0.8, 1.6]
    assert device(instance, app)["interests"] == ["news"]
