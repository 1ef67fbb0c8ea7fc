"""Notifications of the official web SDK, unmodified, in a real Firefox."""

import asyncio
from functools import partial

import pytest

from tests.browser.app import WEB_SDK, App, comes
from tests.browser.firefox import Firefox
from tests.browser.site import Site
from tests.browser.tab import Tab
from tests.browsers import hello, new_name
from tests.peers.server_sdks import NodeSdk, publish_to_user
from tests.server import Server
from tests.waiting import finished

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHANGE = """
self.PusherPushNotifications.onNotificationReceived = received => {
  received.payload.notification.title += ", " + received.payload.data.name;
  received.pushEvent.waitUntil(received.handleNotification(received.payload));
};
"""
TELL_ONLY = """
self.PusherPushNotifications.onNotificationReceived = ({payload, pushEvent, statePromise}) =>
  pushEvent.waitUntil(statePromise.then(state => tell({payload, state})));
"""
# Whether there is something to show, whether there are data, and the payload.
PAYLOADS: tuple[tuple[bool, bool, dict[str, object]], ...] = (
    (True, False, {"notification": {"title": "Hello"}}),
    (True, True, {"notification": {"title": "Hello"}, "data": {"order": 7}}),
    (False, True, {"data": {"order": 7}}),
    (False, False, {}),
)


@WEB_SDK.does(
    "`start()`",
    "`setUserId()`",
    "`getUserId()`",
    "a publish to a user arrives with that user and no other",
)
async def test_a_personal_notification_is_shown_to_its_user_and_to_no_other(
    app: App, other_app: App, server: Server
) -> None:
    alice, bob = new_name("alice"), new_name("bob")
    await app.log_in(alice)
    await other_app.log_in(bob)
    assert await app.call("getUserId") == alice
    notification = {"title": "For Alice", "body": "żółć 🎈", "deep_link": "https://example.com/"}
    payload: dict[str, object] = {"web": {"notification": notification, "data": {"order": 7}}}

    async def publish(user: str, payload: dict[str, object]) -> None:
        sdk = NodeSdk(server)
        await asyncio.to_thread(publish_to_user, sdk, server.instance, user, payload)

    await publish(alice, payload)
    [received] = await comes(app.arrived)
    assert (received["notification"], received["data"]) == (notification, {"order": 7})
    [shown] = await comes(app.shown)
    assert (shown.title, shown.body) == ("For Alice", "żółć 🎈")
    assert shown.data["pusher"]["customerPayload"]["data"] == {"order": 7}

    await publish(alice, payload)
    await comes(partial(_as_many, app, 2))

    await publish(bob, hello("For Bob"))
    # What was published to Alice before would have come before this.
    assert await comes(other_app.titles) == ["For Bob"]
    assert await app.titles() == ["For Alice"] * 2


async def _as_many(app: App, number: int) -> bool:
    return len(await app.arrived()) == number


@WEB_SDK.does("`stop()`", "after `stop()` nothing arrives")
async def test_after_stop_nothing_arrives(app: App, other_app: App, server: Server) -> None:
    user = new_name("alice")
    device_id = await app.log_in(user)
    await other_app.log_in(user)
    await app.call("stop")
    assert server.instance.devices.get(device_id).status == 404
    server.instance.publish.to_users([user], hello("after the stop"))
    assert await comes(other_app.titles) == ["after the stop"]
    assert await app.titles() == []
    # Started again, it is a new device that belongs to nobody.
    assert await app.start() != device_id
    assert await app.call("getUserId") is None


@WEB_SDK.does("a publish to an interest arrives")
async def test_a_publish_to_an_interest_is_shown(app: App, server: Server) -> None:
    interest = new_name("news")
    await app.start()
    await app.call("addDeviceInterest", interest)
    server.instance.publish.to_interests([interest], hello("news"))
    assert await comes(app.titles) == ["news"]


@WEB_SDK.does("arrivals and clicks are counted, each once")
async def test_each_arrival_and_each_click_is_counted_once(
    firefox: Firefox, app: App, other_app: App, server: Server
) -> None:
    user = new_name("alice")
    await app.log_in(user)
    await other_app.log_in(user)
    for clicks in (0, 1, 2):
        title = new_name("title")
        publish_id = server.instance.publish.to_users([user], hello(title)).json()["publishId"]
        await comes(partial(_as_many, app, clicks + 1))
        await comes(partial(_as_many, other_app, clicks + 1))
        for _ in range(clicks):
            await comes(partial(firefox.click_notification, title))
        await comes(partial(_are_counted, server, publish_id, acknowledged=2, opened=clicks))


async def _are_counted(server: Server, publish_id: str, *, acknowledged: int, opened: int) -> bool:
    report = await asyncio.to_thread(finished, server, publish_id)
    return (report["acknowledged"], report["opened"]) == (acknowledged, opened)


async def test_what_a_user_got_and_clicked_is_told_of_that_user(
    firefox: Firefox, app: App, server: Server
) -> None:
    alice, nobody, title = new_name("alice"), new_name("nobody"), new_name("title")
    device_id, admin = await app.log_in(alice), server.instance.admin
    reply = server.instance.publish.to_users([alice, nobody], hello(title))
    publish_id = reply.json()["publishId"]
    await comes(partial(_as_many, app, 1))
    await comes(partial(firefox.click_notification, title))

    async def told() -> bool:
        users = admin.users_of(publish_id).json()["users"]
        seen = {one["userId"]: (one["outcome"], one["acknowledged"]) for one in users}
        assert seen.keys() == {alice, nobody}
        opened = [one["userId"] for one in users for _ in range(one["opened"])]
        return opened == [alice] and seen == {alice: ("delivered", 1), nobody: ("no devices", 0)}

    await comes(told)
    [device] = admin.timeline(alice, publish=publish_id).json()["devices"]
    assert device["deviceId"] == device_id
    assert device["cause"] == "it arrived, and was opened"
    whats = [event["what"] for event in device["events"]]
    assert (whats.count("acknowledged"), whats.count("opened")) == (1, 1)


@WEB_SDK.does("a click opens `deep_link`, unless it is open")
async def test_a_click_opens_the_deep_link_unless_it_is_open(
    firefox: Firefox, app: App, server: Server
) -> None:
    interest, page = new_name("news"), f"{app.site.url}/"
    links = {new_name("here"): page, new_name("elsewhere"): f"{page}?article"}
    await app.start()
    await app.call("addDeviceInterest", interest)
    for title, link in links.items():
        notification = {"title": title, "body": "", "deep_link": link}
        server.instance.publish.to_interests([interest], {"web": {"notification": notification}})
        await comes(partial(firefox.click_notification, title))

    async def is_open() -> bool:
        return f"{page}?article" in await firefox.urls()

    async def are_closed() -> bool:
        return not await app.shown()

    await comes(is_open)
    await comes(are_closed)
    assert (await firefox.urls()).count(page) == 1


@WEB_SDK.does("`onNotificationReceived` changes what is shown")
async def test_the_app_may_change_what_is_shown(tab: Tab, server: Server, site: Site) -> None:
    site.worker_end = CHANGE
    app, interest = App(tab, site, server.instance), new_name("news")
    await app.open()
    await app.start()
    await app.call("addDeviceInterest", interest)
    server.instance.publish.to_interests([interest], hello("Hello", data={"name": "Alice"}))
    [shown] = await comes(app.shown)
    assert shown.title == "Hello, Alice"


@WEB_SDK.does("a publish without notification, for `onNotificationReceived`")
async def test_a_push_says_what_is_in_it_and_is_counted_though_nothing_is_shown(
    tab: Tab, server: Server, site: Site
) -> None:
    site.worker_end = TELL_ONLY
    app, user = App(tab, site, server.instance), new_name("alice")
    await app.open()
    device_id = await app.log_in(user)
    publish_id = ""
    for number, (has_displayable_content, has_data, web) in enumerate(PAYLOADS):
        publish_id = server.instance.publish.to_users([user], {"web": web}).json()["publishId"]
        await comes(partial(_as_many, app, number + 1))
        told = (await app.arrived())[-1]
        assert told["payload"] == {"data": {}, **web}
        assert told["state"] == {
            "instanceId": server.instance_id,
            "publishId": publish_id,
            "deviceId": device_id,
            "userId": user,
            "appInBackground": False,
            "hasDisplayableContent": has_displayable_content,
            "hasData": has_data,
        }
    await comes(partial(_are_counted, server, publish_id, acknowledged=1, opened=0))
    assert await app.shown() == []


@WEB_SDK.does("`hide_notification_if_site_has_focus`")
async def test_a_notification_may_hide_from_who_looks_at_the_site(app: App, server: Server) -> None:
    interest = new_name("news")
    await app.start()
    await app.call("addDeviceInterest", interest)
    await comes(lambda: app.tab.evaluate("document.hasFocus()"))
    for title, hides in (("hidden", True), ("shown", False)):
        notification = {"title": title, "hide_notification_if_site_has_focus": hides}
        server.instance.publish.to_interests([interest], {"web": {"notification": notification}})

    async def have_arrived() -> bool:
        return sorted(await app.titles()) == ["hidden", "shown"]

    # The page is told after the worker has shown what it wants to.
    await comes(have_arrived)
    assert [shown.title for shown in await app.shown()] == ["shown"]
