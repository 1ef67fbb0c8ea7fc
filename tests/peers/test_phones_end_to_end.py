"""A notification goes all the way: app's server, gateway, phone, and the phone's report back."""

import time
from pathlib import Path

import pytest

from tests.apns_service import ApnsService
from tests.browsers import new_name
from tests.client import Instance
from tests.fcm_service import FcmService
from tests.peers.android_client import ANDROID_SDK, AndroidApp
from tests.peers.android_reports import LAUNCHER
from tests.peers.ios_client import IOS_SDK, IosApp
from tests.peers.phone_jobs import Storage
from tests.phones import set_apns_key, set_service_account
from tests.server import Server
from tests.waiting import eventually, finished

HELLO = {
    "apns": {"aps": {"alert": "Hello"}, "data": {"order": 12}},
    "fcm": {"notification": {"title": "Hello"}, "data": {"order": 12}},
}
ANDROID = {"sdkVersion": "1.9.2", "androidVersion": "14"}
IOS = {"sdkVersion": "4.0.0", "iosVersion": "17.4"}
ARRIVES = "a publish to a user arrives"
COUNTED = "arrivals and taps are counted"
COMES_BACK = "a phone that its gateway called gone comes back with id, interests and user"


@pytest.fixture
def project(own_server: Server, fcm_service: FcmService, tmp_path: Path) -> str:
    """The project at the fake FCM that the server pushes for."""
    return set_service_account(own_server, fcm_service, tmp_path)["project_id"]


def android(server: Server, fcm: FcmService, project: str, user: str) -> AndroidApp:
    """An app of the user on a phone that the fake FCM knows."""
    [token] = fcm.new_devices(project, 1)
    app = AndroidApp(server.instance, Storage(), metadata=ANDROID)
    app.start(token)
    app.set_user_id(user)
    return app


def iphone(server: Server, apns: ApnsService, directory: Path, user: str) -> IosApp:
    """An app of the user on a phone that the fake APNs knows."""
    set_apns_key(server, apns, directory)
    [token] = apns.new_devices(1)
    app = IosApp(server.instance, Storage(), metadata=IOS)
    app.launch(token)
    app.set_user_id(user)
    return app


def publish(instance: Instance, user: str) -> str:
    return str(instance.publish.to_users([user], HELLO).json()["publishId"])


def counts(server: Server, publish_id: str, platform: str) -> tuple[int, int, int]:
    shown = finished(server, publish_id, platform=platform)
    return shown["delivered"], shown["acknowledged"], shown["opened"]


@ANDROID_SDK.does(ARRIVES)
@ANDROID_SDK.does(COUNTED, result="if the SDK's source is changed: it reports to pusher.com alone")
def test_an_android_phone_gets_what_is_for_its_user_and_says_so(
    own_server: Server, fcm_service: FcmService, project: str
) -> None:
    user = new_name("alice")
    app = android(own_server, fcm_service, project, user)
    publish_id = publish(own_server.instance, user)
    assert counts(own_server, publish_id, "fcm") == (1, 0, 0)

    [arrived] = fcm_service.messages(str(app.storage.token))
    for _ in range(2):
        app.reports.receive(arrived["message"])
    assert counts(own_server, publish_id, "fcm") == (1, 1, 0)

    assert app.reports.tap(arrived["message"]) == LAUNCHER
    assert counts(own_server, publish_id, "fcm") == (1, 1, 1)

    delivery, opening = app.wire.exchanges[-2:]
    said = {
        "instanceId": own_server.instance_id,
        "deviceId": app.storage.device_id,
        "userId": user,
        "publishId": publish_id,
    }
    at = delivery.body["timestampSecs"]
    flags = {"appInBackground": True, "hasDisplayableContent": True, "hasData": True}
    assert delivery.body == {"event": "Delivery", **said, "timestampSecs": at, **flags}
    assert opening.body == {
        "event": "Open",
        **said,
        "timestampSecs": opening.body["timestampSecs"],
    }


@ANDROID_SDK.does("a tap opens what `click_action` names")
def test_an_android_notification_opens_what_the_app_wanted(
    own_server: Server, fcm_service: FcmService, project: str
) -> None:
    user = new_name("alice")
    app = android(own_server, fcm_service, project, user)
    wanted = {"fcm": {"notification": {"title": "Hello", "click_action": "com.example.ORDER"}}}
    reply = own_server.instance.publish.to_users([user], wanted)
    finished(own_server, reply.json()["publishId"], platform="fcm")
    [arrived] = fcm_service.messages(str(app.storage.token))
    assert app.reports.tap(arrived["message"]) == "com.example.ORDER"
    assert counts(own_server, reply.json()["publishId"], "fcm") == (1, 0, 1)


@IOS_SDK.does(ARRIVES, COUNTED)
def test_an_iphone_gets_what_is_for_its_user_and_says_so(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    user = new_name("alice")
    app = iphone(own_server, apns_service, tmp_path, user)
    publish_id = publish(own_server.instance, user)
    assert counts(own_server, publish_id, "apns") == (1, 0, 0)

    [arrived] = apns_service.messages(str(app.storage.token))
    assert app.handle_notification(arrived["payload"], "background") == "should ignore"
    assert counts(own_server, publish_id, "apns") == (1, 1, 0)
    delivery = app.wire.exchanges[-1].body
    assert (delivery["event"], delivery["userId"]) == ("Delivery", user)
    assert (delivery["hasDisplayableContent"], delivery["hasData"]) == (True, True)

    app.handle_notification(arrived["payload"], "inactive")
    assert counts(own_server, publish_id, "apns") == (1, 1, 1)


@pytest.mark.parametrize(
    ("path", "event"),
    [
        ("events", {"eventType": "DeliveryBackground"}),
        ("events", {"eventId": "Delivery"}),
        ("event-type/Delivery", {}),
    ],
)
def test_a_report_of_2018_counts_if_it_names_its_device(
    server: Server, path: str, event: dict[str, object]
) -> None:
    instance, user = server.instance, new_name("alice")
    device_id = instance.device_of(user, "fcm")
    publish_id = publish(instance, user)
    base = f"/reporting_api/v1/instances/{instance.id}"
    body = {"publishId": publish_id, "deviceId": device_id, "timestampSecs": int(time.time())}

    def acknowledged() -> object:
        # There is no credential, so the publish is not finished; it is known soon.
        reply = instance.client.request("POST", f"{base}/{path}", json={**body, **event})
        assert reply.status == 200
        shown = server.cli("publish", "show", publish_id, "--json")
        return '"acknowledged": 1' in shown.stdout

    assert eventually(acknowledged)


@ANDROID_SDK.does(COMES_BACK)
def test_a_phone_that_its_gateway_called_gone_comes_back_as_it_was(
    own_server: Server, fcm_service: FcmService, project: str
) -> None:
    user = new_name("alice")
    app = android(own_server, fcm_service, project, user)
    app.subscribe("news")
    gone, token = app.storage.device_id, str(app.storage.token)
    fcm_service.forget(token)
    assert finished(own_server, publish(own_server.instance, user), platform="fcm")["removed"] == 1
    assert own_server.instance.devices.get(str(gone)).status == 404

    [fresh] = fcm_service.new_devices(project, 1)
    app.on_new_token(fresh)

    back = own_server.instance.devices.get(str(app.storage.device_id)).json()
    assert (back["id"], back["userId"]) == (gone, user)
    assert own_server.instance.devices.all_interests(back["id"]) == ["news"]
    publish_id = publish(own_server.instance, user)
    assert finished(own_server, publish_id, platform="fcm")["delivered"] == 1
    assert len(fcm_service.messages(fresh)) == 1


@IOS_SDK.does(COMES_BACK)
@pytest.mark.parametrize("how", ["at its next launch", "with its next word"])
def test_an_iphone_that_apple_called_gone_comes_back_as_it_was(
    own_server: Server, apns_service: ApnsService, tmp_path: Path, how: str
) -> None:
    user = new_name("alice")
    app = iphone(own_server, apns_service, tmp_path, user)
    app.subscribe("news")
    gone = app.storage.device_id
    apns_service.forget(str(app.storage.token), timestamp_ms=int(time.time() * 1000) + 60_000)
    publish_id = publish(own_server.instance, user)
    assert finished(own_server, publish_id, platform="apns")["removed"] == 1

    if how == "at its next launch":
        app = IosApp(own_server.instance, app.storage, metadata=IOS)
        app.launch(str(app.storage.token))
    app.subscribe("sport")

    back = own_server.instance.devices.get(str(app.storage.device_id)).json()
    assert (back["id"], back["userId"]) == (gone, user)
    assert own_server.instance.devices.all_interests(back["id"]) == ["news", "sport"]
    assert app.storage.interests == frozenset({"news", "sport"})
