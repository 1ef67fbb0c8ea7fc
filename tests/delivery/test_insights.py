"""Insights tell exactly what became of messages: on each platform, whatever came twice."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.apns_service import ApnsService
from tests.browsers import Browsers, hello, new_name
from tests.client import Instance
from tests.databases import KINDS
from tests.fcm_service import FcmService
from tests.phones import android, iphone, set_apns_key, set_service_account
from tests.postgresql import Postgresql
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually, finished

SDK = {"sdkVersion": "1.9.2"}
EVERYWHERE: dict[str, object] = {
    **hello("for the browser"),
    "apns": {"aps": {"alert": "for the iPhone"}},
    "fcm": {"notification": {"title": "for Android"}},
}
UNTRACKED: dict[str, object] = {
    "apns": {"aps": {"alert": "x"}, "pusher": {"disable_delivery_tracking": True}}
}
SHOWN = {"hasDisplayableContent": True, "appInBackground": True}


@dataclass(frozen=True, kw_only=True)
class Site:
    """A server on one of the databases, and devices of Alice's on each platform.

    with_sdk: of each platform one device whose SDK told its version; others did not.
    """

    server: Server
    user: str
    with_sdk: dict[str, str]
    gone: str

    @property
    def instance(self) -> Instance:
        return self.server.instance

    def publish(self, payload: dict[str, object], *platforms: str) -> str:
        """Publish to Alice, and wait until it is done."""
        publish_id = str(self.instance.publish.to_users([self.user], payload).json()["publishId"])
        for platform in platforms:
            finished(self.server, publish_id, platform=platform)
        return publish_id

    def report(self, publish_id: str, device_id: str, event: str, **more: object) -> None:
        body = {
            "event": event,
            "publishId": publish_id,
            "deviceId": device_id,
            "timestampSecs": 1_700_000_000,
            **more,
        }
        assert self.instance.reporting.report(body).status == 200


@pytest.fixture(params=KINDS)
def site(
    request: pytest.FixtureRequest,
    environment: dict[str, str],
    push_service: PushService,
    apns_service: ApnsService,
    fcm_service: FcmService,
    tmp_path: Path,
) -> Iterator[Site]:
    chosen = dict(environment)
    if request.param == "postgresql":
        postgresql: Postgresql = request.getfixturevalue("postgresql")
        chosen["HELIOGRAPH_DATABASE_URL"] = postgresql.new_database()
    with Server.start(tmp_path / "data", environment=chosen) as server:
        instance, user = server.instance, new_name("alice")
        set_apns_key(server, apns_service, tmp_path)
        project = set_service_account(server, fcm_service, tmp_path)["project_id"]
        browsers = Browsers(push_service, instance)
        apple = apns_service.new_devices(2)
        google = fcm_service.new_devices(project, 3)
        with_sdk = {
            "web": browsers.new(user=user).device_id,
            "apns": iphone(instance, apple[0], user=user),
            "fcm": android(instance, google[0], user=user),
        }
        for device_id in with_sdk.values():
            assert instance.devices.put_metadata(device_id, SDK).status == 200
        browsers.new(user=user)
        iphone(instance, apple[1], user=user)
        android(instance, google[1], user=user)
        gone = android(instance, google[2], user=user)
        fcm_service.forget(google[2])
        yield Site(server=server, user=user, with_sdk=with_sdk, gone=gone)


def insights(server: Server, by: str) -> dict[str, Any]:
    told = server.json_of("insights", "--instance", server.instance_id, "--by", by)
    return {one["key"]: one for one in told["groups"]} | {"all": told["total"]}


def figures(told: dict[str, Any], *names: str) -> tuple[int, ...]:
    return tuple(told[name] for name in names)


SENT = ("targets", "delivered", "removed", "failed", "trackable")
SAID = ("acknowledged", "openable", "opened")


def test_what_is_told_is_exact(site: Site) -> None:
    first = site.publish(EVERYWHERE, "web", "apns", "fcm")
    second = site.publish(UNTRACKED, "apns")
    for device_id in site.with_sdk.values():
        for _ in range(3):
            site.report(first, device_id, "Delivery", **SHOWN)
        site.report(first, device_id, "Open")
        site.report(second, device_id, "Open")
    site.report(first, site.gone, "Delivery", **SHOWN)
    site.report(first, "fcm-00000000-0000-4000-8000-000000000000", "Open")
    site.report(second, site.instance.devices.new("apns"), "Open")

    told = insights(site.server, "platform")
    assert figures(told["web"], *SENT, *SAID) == (2, 2, 0, 0, 1, 1, 1, 1)
    # Of the second, neither is trackable; that it was opened is told nevertheless.
    assert figures(told["apns"], *SENT, *SAID) == (4, 4, 0, 0, 1, 1, 1, 2)
    assert figures(told["fcm"], *SENT, *SAID) == (3, 2, 1, 0, 1, 1, 1, 1)
    assert figures(told["all"], "publishes", *SENT, *SAID) == (2, 9, 8, 1, 0, 3, 3, 3, 4)
    assert (told["all"]["acknowledgementRate"], told["web"]["openRate"]) == (1.0, 1.0)
    assert insights(site.server, "kind")["users"] == {"key": "users", **told["all"]}


def test_what_a_killed_server_sends_again_is_counted_once(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    user = new_name("alice")
    for _ in range(2):
        own_browsers.new(user=user)
    push_service.hold()
    publish_id = own_server.instance.publish.to_users([user], hello("again")).json()["publishId"]
    eventually(lambda: push_service.held() > 0)
    own_server.kill()
    push_service.release()
    own_server.restart()
    finished(own_server, publish_id)
    told = insights(own_server, "kind")["all"]
    assert figures(told, "publishes", *SENT) == (1, 2, 2, 0, 0, 0)


def test_devices_are_counted_when_a_server_starts(own_server: Server) -> None:
    """That they are counted again and again, a clock of its own says in another test."""
    instance = own_server.create_instance("counted")
    ids = [instance.devices.new(platform) for platform in ("web", "apns", "apns", "fcm")]
    instance.devices.delete(ids[-1])
    own_server.restart()
    ask = ("insights", "--instance", instance.id)
    # If the first server has counted in between, it takes a minute.
    eventually(lambda: own_server.json_of(*ask)["devices"].get("web"), within_s=90)
    told = own_server.json_of(*ask)["devices"]
    counted = {name: (one["subscribers"], one["active"]) for name, one in told.items()}
    assert counted == {"apns": (2, 2), "fcm": (0, 0), "web": (1, 1)}
