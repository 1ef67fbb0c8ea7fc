"""The official web SDK, unmodified, in a real Firefox, against a server as a user runs it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from tests.beams_token import beams_token, hmac_signer
from tests.browser.firefox import Firefox, Permission
from tests.browser.site import Site
from tests.browsers import hello, new_name
from tests.client import Instance
from tests.peers.server_sdks import publish_with_node, publish_with_python
from tests.peers.tls_proxy import TlsProxy
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually, finished

ARRIVES_WITHIN_S = 20

Value = TypeVar("Value")


class App:
    """The app's page in a browser: the SDK's client, called as the page's code would."""

    def __init__(self, browser: Firefox, site: Site, instance: Instance) -> None:
        self.browser = browser
        self.site = site
        self.instance = instance

    async def open(self) -> None:
        """Open the page and make the client."""
        await self.browser.goto(self.site.url)
        options = json.dumps(
            {"instanceId": self.instance.id, "endpointOverride": self.site.heliograph_url}
        )
        await self.browser.evaluate(
            "(self.arrived = [], navigator.serviceWorker.addEventListener('message',"
            " message => self.arrived.push(message.data)),"
            f" self.client = new PusherPushNotifications.Client({options}), null)"
        )

    async def call(self, method: str, *arguments: object) -> Any:
        """Call a method of the client and return what it resolves to. Raises if it rejects."""
        passed = ", ".join(json.dumps(argument) for argument in arguments)
        return await self.browser.evaluate(f"self.client.{method}({passed})")

    async def set_user(self, user: str) -> None:
        """Call setUserId with a TokenProvider that asks the app's own server."""
        provider = "new PusherPushNotifications.TokenProvider({url: '/beams-auth'})"
        await self.browser.evaluate(f"self.client.setUserId({json.dumps(user)}, {provider})")

    async def log_in(self, user: str) -> str:
        """Start and set the user; return the device id."""
        await self.call("start")
        await self.set_user(user)
        return str(await self.call("getDeviceId"))

    async def arrived(self) -> list[dict[str, Any]]:
        """Return what the service worker told the page of, oldest first."""
        return list(await self.browser.evaluate("self.arrived"))

    async def titles(self) -> list[str]:
        return [payload["notification"]["title"] for payload in await self.arrived()]

    async def shown(self) -> list[Any]:
        return list(await self.browser.notifications())


async def comes(ask: Callable[[], Awaitable[Value]]) -> Value:
    """Ask until the answer is true."""
    deadline = time.monotonic() + ARRIVES_WITHIN_S
    while not (answer := await ask()):
        assert time.monotonic() < deadline, f"still {answer!r}"
        await asyncio.sleep(0.02)
    return answer


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    with Site(server.url, server.instance.token) as site:
        yield site


@asynccontextmanager
async def opened_app(push_service: PushService, server: Server, site: Site) -> AsyncIterator[App]:
    """The app, open in a browser of its own."""
    async with Firefox(push_service.autopush_url) as browser:
        app = App(browser, site, server.instance)
        await app.open()
        yield app


@pytest_asyncio.fixture
async def app(push_service: PushService, server: Server, site: Site) -> AsyncIterator[App]:
    async with opened_app(push_service, server, site) as app:
        yield app


@pytest_asyncio.fixture
async def other_app(push_service: PushService, server: Server, site: Site) -> AsyncIterator[App]:
    async with opened_app(push_service, server, site) as app:
        yield app


@pytest.fixture
def tls_proxy(server: Server, tmp_path: Path) -> Iterator[TlsProxy]:
    """What the Python SDK needs, which speaks https only."""
    with TlsProxy(server.port, tmp_path) as proxy:
        yield proxy


async def test_a_personal_notification_is_shown_to_its_user_and_to_no_other(
    app: App, other_app: App, server: Server, tls_proxy: TlsProxy
) -> None:
    alice, bob = new_name("alice"), new_name("bob")
    await app.log_in(alice)
    await other_app.log_in(bob)
    assert await app.call("getUserId") == alice
    notification = {"title": "For Alice", "body": "żółć 🎈", "deep_link": "https://example.com/"}
    payload: dict[str, object] = {"web": {"notification": notification, "data": {"order": 7}}}
    instance = server.instance

    first = await asyncio.to_thread(publish_with_python, instance, alice, payload, tls_proxy)
    [received] = await comes(app.arrived)
    assert (received["notification"], received["data"]) == (notification, {"order": 7})
    [shown] = await comes(app.shown)
    assert (shown.title, shown.body) == ("For Alice", "żółć 🎈")
    assert shown.data["pusher"]["customerPayload"]["data"] == {"order": 7}

    await asyncio.to_thread(publish_with_node, instance, alice, payload, server)
    await comes(lambda: _as_many(app, 2))

    await asyncio.to_thread(publish_with_node, instance, bob, hello("For Bob"), server)
    # What was published to Alice before would have come before this.
    assert await comes(other_app.titles) == ["For Bob"]
    assert await app.titles() == ["For Alice"] * 2
    acknowledged = await asyncio.to_thread(
        eventually, lambda: finished(server, first).get("acknowledged")
    )
    assert acknowledged == 1


async def _as_many(app: App, number: int) -> bool:
    return len(await app.arrived()) == number


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
    await app.call("start")
    assert await app.call("getDeviceId") != device_id
    assert await app.call("getUserId") is None


async def test_interests_are_kept_by_the_server(app: App, server: Server) -> None:
    await app.call("start")
    device_id = await app.call("getDeviceId")
    await app.call("addDeviceInterest", "a@b=c,d;e")
    await app.call("addDeviceInterest", "news")
    await app.call("addDeviceInterest", "news")
    assert (await app.call("getDeviceInterests"))["interests"] == ["a@b=c,d;e", "news"]
    assert server.instance.devices.all_interests(device_id) == ["a@b=c,d;e", "news"]
    await app.call("removeDeviceInterest", "a@b=c,d;e")
    assert (await app.call("getDeviceInterests"))["interests"] == ["news"]
    many = sorted(f"interest-{number:03}" for number in range(250))
    await app.call("setDeviceInterests", many)
    first = await app.call("getDeviceInterests")
    assert first["interests"] == many[:100]
    second = await app.call("getDeviceInterests", 100, first["nextCursor"])
    third = await app.call("getDeviceInterests", 100, second["nextCursor"])
    assert second["interests"] + third["interests"] == many[100:]
    assert "nextCursor" not in third
    await app.call("clearDeviceInterests")
    assert (await app.call("getDeviceInterests"))["interests"] == []


async def test_a_publish_to_an_interest_is_shown(app: App, server: Server) -> None:
    interest = new_name("news")
    await app.call("start")
    await app.call("addDeviceInterest", interest)
    server.instance.publish.to_interests([interest], hello("news"))
    assert await comes(app.titles) == ["news"]


async def test_the_registration_state_follows(app: App) -> None:
    assert await app.call("getRegistrationState") == "PERMISSION_GRANTED_NOT_REGISTERED_WITH_BEAMS"
    await app.call("start")
    assert await app.call("getRegistrationState") == "PERMISSION_GRANTED_REGISTERED_WITH_BEAMS"
    await app.call("stop")
    assert await app.call("getRegistrationState") == "PERMISSION_GRANTED_NOT_REGISTERED_WITH_BEAMS"


@pytest.mark.parametrize(
    ("permission", "state"),
    [
        (Permission.ASK, "PERMISSION_PROMPT_REQUIRED"),
        (Permission.DENIED, "PERMISSION_DENIED"),
    ],
)
async def test_without_permission_the_state_says_so(
    push_service: PushService, server: Server, site: Site, permission: Permission, state: str
) -> None:
    async with Firefox(push_service.autopush_url, permission=permission) as browser:
        app = App(browser, site, server.instance)
        await app.open()
        assert await app.call("getRegistrationState") == state


async def test_clear_all_state_makes_a_new_device_without_user_or_interests(
    app: App, server: Server
) -> None:
    device_id = await app.log_in(new_name("alice"))
    await app.call("addDeviceInterest", "news")
    await app.call("clearAllState")
    new_id = await app.call("getDeviceId")
    assert new_id != device_id
    assert server.instance.devices.get(device_id).status == 404
    assert server.instance.devices.get(new_id).json()["userId"] == ""
    assert await app.call("getUserId") is None
    assert (await app.call("getDeviceInterests"))["interests"] == []


async def test_a_device_has_one_user_until_it_is_stopped(app: App, server: Server) -> None:
    alice, bob = new_name("alice"), new_name("bob")
    device_id = await app.log_in(alice)
    await app.set_user(alice)
    with pytest.raises(Exception, match="Changing the `userId` is not allowed"):
        await app.set_user(bob)
    assert server.instance.devices.get(device_id).json()["userId"] == alice
    await app.call("stop")
    await app.log_in(bob)
    assert await app.call("getUserId") == bob


async def test_the_page_can_read_why_a_token_was_refused(app: App, server: Server) -> None:
    """Errors have CORS headers, too; without them the SDK would know of a failed fetch only."""
    instance, user = server.instance, new_name("alice")
    await app.call("start")
    claims = instance.claims(user)
    forged = beams_token(claims, hmac_signer(b"x" * 64))
    expired = instance.sign({**claims, "exp": 1_000_000_000})
    foreign = instance.sign({**claims, "iss": "https://other.pushnotifications.pusher.com"})
    for token, words in ((forged, "signature"), (expired, "expired"), (foreign, "issuer")):
        app.site.token_of = lambda _user, token=token: token  # type: ignore[misc]
        with pytest.raises(Exception, match=words):
            await app.set_user(user)
        assert await app.call("getUserId") is None
    app.site.token_of = instance.token
    await app.set_user(user)
    assert await app.call("getUserId") == user
