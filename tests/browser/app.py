"""The app's page in a browser, with a client of the official web SDK on it."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tests.browser.site import Site
from tests.browser.tab import Notification, Tab
from tests.client import Instance
from tests.compatibility import Sdk
from tests.peers.server_sdks import version_of_package

WEB_SDK = Sdk("Web SDK", version_of_package("@pusher/push-notifications-web"))
ARRIVES_WITHIN_S = 20
LISTEN = """
(self.arrived = [],
 navigator.serviceWorker?.addEventListener("message", ({data}) => self.arrived.push(data)), null)
"""

Value = TypeVar("Value")


class Script(str):
    """JavaScript, where JSON doesn't do."""

    __slots__ = ()


NULL = Script("null")
UNDEFINED = Script("undefined")


def token_provider(options: str) -> Script:
    """Make the SDK's TokenProvider. options: its own, in JavaScript."""
    return Script(f"new PusherPushNotifications.TokenProvider({options})")


OWN_SERVER = token_provider("{url: '/beams-auth'}")


class App:
    """A client of the SDK on the app's page, called as the page's code would.

    name: of the page's variable that holds the client.
    """

    def __init__(self, tab: Tab, site: Site, instance: Instance, *, name: str = "client") -> None:
        self.tab = tab
        self.site = site
        self.instance = instance
        self._name = name

    async def open(self, path: str = "/", *, worker: Script = NULL) -> None:
        """Open a page and make the client. worker: the app's own registration of one."""
        await self.tab.goto(self.site.url + path)
        await self.tab.evaluate(LISTEN)
        await self.make_client(worker=worker)

    async def make_client(self, *, worker: Script = NULL, url: str | None = None) -> None:
        """Make the client anew on the open page. url: if it isn't for the site's Heliograph."""
        options = {
            "instanceId": self.instance.id,
            "endpointOverride": url or self.site.heliograph_url,
            "serviceWorkerRegistration": worker,
        }
        given = ", ".join(f"{name}: {_script(value)}" for name, value in options.items())
        await self.tab.evaluate(
            f"(self.{self._name} = new PusherPushNotifications.Client({{{given}}}), null)"
        )

    async def call(self, method: str, *arguments: object) -> Any:
        """Call a method of the client and return what it resolves to. Raises if it rejects."""
        return await self.tab.evaluate(self._call(method, arguments))

    async def refusal(self, method: str, *arguments: object) -> str:
        """Call a method of the client and return the text of the error that it rejects with."""
        call = self._call(method, arguments)
        text = await self.tab.evaluate(f"{call}.then(() => null, error => String(error))")
        assert text is not None, f"{method} was not refused"
        return str(text)

    async def set_user(self, user: str) -> None:
        """Call setUserId with a TokenProvider that asks the app's own server."""
        await self.call("setUserId", user, OWN_SERVER)

    async def log_in(self, user: str) -> str:
        """Start and set the user; return the device id."""
        await self.call("start")
        await self.set_user(user)
        return str(await self.call("getDeviceId"))

    async def start(self) -> str:
        """Start and return the device id."""
        await self.call("start")
        return str(await self.call("getDeviceId"))

    async def arrived(self) -> list[dict[str, Any]]:
        """Return what the service worker told the page of, oldest first."""
        return list(await self.tab.evaluate("self.arrived"))

    async def titles(self) -> list[str]:
        return [payload["notification"]["title"] for payload in await self.arrived()]

    async def shown(self) -> list[Notification]:
        return await self.tab.notifications()

    def _call(self, method: str, arguments: tuple[object, ...]) -> str:
        passed = ", ".join(_script(argument) for argument in arguments)
        return f"self.{self._name}.{method}({passed})"


async def comes(ask: Callable[[], Awaitable[Value]]) -> Value:
    """Ask until the answer is true."""
    deadline = time.monotonic() + ARRIVES_WITHIN_S
    while not (answer := await ask()):
        assert time.monotonic() < deadline, f"still {answer!r}"
        await asyncio.sleep(0.02)
    return answer


def _script(value: object) -> str:
    return value if isinstance(value, Script) else json.dumps(value)
