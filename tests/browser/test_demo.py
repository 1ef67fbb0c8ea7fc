"""The demo, as `make run` starts it: its page in real Firefoxes, its server, its processes."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.browser.firefox import Firefox
from tests.client import Client
from tests.processes import TIED, free_port, is_up
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually, finished

REPOSITORY = Path(__file__).parents[2]
DEMO = REPOSITORY / "demo"
OFFICIAL_SDK = REPOSITORY / "tests/javascript/node_modules/@pusher/push-notifications-web"
END_TIMEOUT_S = 60
ACTION_TIMEOUT_S = 60
POLL_S = 0.05
IS_IDLE = "document.getElementById('main').getAttribute('aria-busy') === 'false'"
ARRIVED = "[...document.querySelectorAll('#arrived .title')].map(title => title.textContent)"

Value = TypeVar("Value")


class Page:
    """The demo's page in a browser, used as a person would."""

    def __init__(self, browser: Firefox, url: str) -> None:
        self._browser = browser
        self._url = url

    async def open(self) -> None:
        await self._browser.goto(self._url)
        await self._until(IS_IDLE)

    async def press(self, button: str) -> None:
        """Press a button and wait until the page is done with it and knows of no fault."""
        await self._browser.evaluate(f"document.getElementById('{button}').click()")
        await self._until(IS_IDLE)
        assert await self.text("fault-text") == ""

    async def enter(self, user: str) -> None:
        await self.open()
        await self.press(f"log-in-{user}")
        await self.press("enable")
        assert await self.text("user-id") == user

    async def send(self, user: str, title: str) -> str:
        """Send a notification with the page's form, and return its publish id."""
        for name, value in {"user": user, "title": title, "body": f"for {user}"}.items():
            field = f"document.getElementById('send-{name}')"
            await self._browser.evaluate(f"{field}.value = {json.dumps(value)}")
        await self.press("send")
        return await self.text("publish-id")

    async def receives(self, *titles: str) -> None:
        """Wait until exactly these have arrived, latest first."""
        await self._until(f"JSON.stringify({ARRIVED}) === JSON.stringify({json.dumps(titles)})")

    async def text(self, element: str) -> str:
        script = f"document.getElementById('{element}').textContent"
        return str(await self._browser.evaluate(script))

    async def _until(self, expression: str) -> None:
        await until(lambda: self._browser.evaluate(expression))


async def until(ask: Callable[[], Awaitable[Value]]) -> Value:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + ACTION_TIMEOUT_S
    while not (answer := await ask()):
        assert time.monotonic() < deadline, "did not come true in time"
        await asyncio.sleep(POLL_S)
    return answer


class App(Client):
    """What a browser can ask of the demo app."""

    def __init__(self, port: int) -> None:
        super().__init__("localhost", port)
        self.url = f"http://localhost:{port}/"

    def log_in(self, user: str) -> dict[str, str]:
        """Return the header of the user's session."""
        reply = self.request("POST", "/log-in", json={"user": user})
        return {"Cookie": reply.headers["set-cookie"].partition(";")[0]}


@pytest.fixture
def app(own_server: Server) -> Iterator[App]:
    """The demo app alone, at a server of its own."""
    port = free_port()
    credentials = str(own_server.data / "credentials.json")
    where = ["--heliograph-url", own_server.url, "--credentials", credentials]
    process = subprocess.Popen(
        [*TIED, sys.executable, str(DEMO / "app.py"), *where, "--port", str(port)]
    )
    try:
        eventually(lambda: is_up(port))
        yield App(port)
    finally:
        process.terminate()
        process.wait(END_TIMEOUT_S)


async def test_only_the_users_browser_is_notified_and_not_after_log_out(
    push_service: PushService, own_server: Server, app: App
) -> None:
    async with Firefox(push_service.autopush_url) as one, Firefox(push_service.autopush_url) as two:
        alice, bob = Page(one, app.url), Page(two, app.url)
        await alice.enter("alice")
        await bob.enter("bob")

        publish_id = await alice.send("bob", "Lunch?")
        await bob.receives("Lunch?")
        [shown] = await until(two.notifications)
        assert (shown.title, shown.body) == ("Lunch?", "for bob")
        payload = shown.data["pusher"]["customerPayload"]
        assert payload["data"] == {"from": "alice"}
        assert shown.data["pusher"]["pusherMetadata"]["publishId"] == publish_id

        await bob.press("log-out")
        assert await bob.text("device-id") == "none"
        too_late = await alice.send("bob", "Too late")
        report = await asyncio.to_thread(finished, own_server, too_late)
        assert report.get("targets", 0) == 0

        # Pushes come in order: what is there when these two have come is all that came.
        await bob.enter("carol")
        await alice.send("carol", "Hello Carol")
        await alice.send("alice", "Hello me")
        await bob.receives("Hello Carol")
        await alice.receives("Hello me")
        assert "Too late" not in [notification.title for notification in await two.notifications()]


async def test_the_page_says_what_to_do_when_heliograph_is_away(
    push_service: PushService, own_server: Server, app: App
) -> None:
    async with Firefox(push_service.autopush_url) as browser:
        page = Page(browser, app.url)
        await page.open()
        await page.press("log-in-alice")
        await asyncio.to_thread(own_server.stop)
        with pytest.raises(AssertionError, match="make run"):
            await page.press("enable")
        await asyncio.to_thread(own_server.restart)
        await page.press("enable")
        assert await page.text("user-id") == "alice"
        await asyncio.to_thread(own_server.stop)
        with pytest.raises(AssertionError, match="make run"):
            await page.press("log-out")
        # Still tied, so still logged in: the device goes first.
        assert await page.text("session-user") == "Alice"


def test_a_token_is_given_only_for_the_user_who_is_logged_in(app: App) -> None:
    assert app.request("GET", "/beams-auth?user_id=alice").status == 401
    session = app.log_in("alice")
    assert app.request("GET", "/beams-auth?user_id=bob", headers=session).status == 403
    assert app.request("GET", "/beams-auth", headers=session).status == 403
    reply = app.request("GET", "/beams-auth?user_id=alice", headers=session)
    assert reply.status == 200
    # The token is no session, though both are signed.
    stolen = {"Cookie": f"heliograph_demo_session={reply.json()['token']}"}
    assert app.request("GET", "/session", headers=stolen).json() == {"user": None}


def test_scripts_and_other_sites_have_no_use_of_the_session(app: App) -> None:
    reply = app.request("POST", "/log-in", json={"user": "alice"})
    cookie = reply.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    wish = json.dumps({"user": "bob", "title": "Hello", "body": "World"}).encode()
    form = {**app.log_in("alice"), "Content-Type": "text/plain"}
    assert app.request("POST", "/notify", body=wish, headers=form).status == 415
    assert app.request("GET", "/session", headers={"Host": "rebound.example"}).status == 400


def test_publishing_says_what_is_wrong(own_server: Server, app: App) -> None:
    wish = {"user": "bob", "title": "Hello", "body": "World"}
    assert app.request("POST", "/notify", json=wish).status == 401
    session = app.log_in("alice")
    assert app.request("POST", "/notify", json=wish, headers=session).status == 200
    wrongs: list[object] = [{**wish, "user": "mallory"}, {**wish, "title": 1}, {"user": "bob"}, []]
    for wrong in wrongs:
        assert app.request("POST", "/notify", json=wrong, headers=session).status == 400
    own_server.stop()
    reply = app.request("POST", "/notify", json=wish, headers=session)
    assert (reply.status, reply.json()["error"]) == (503, "Service Unavailable")


def test_the_vendored_sdk_is_what_the_official_package_holds(tmp_path: Path) -> None:
    update = [sys.executable, str(DEMO / "vendor/update.py"), str(OFFICIAL_SDK)]
    subprocess.run([*update, "--to", str(tmp_path)], check=True, timeout=END_TIMEOUT_S)
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert made.keys() == {"push-notifications-cdn.js", "service-worker.js", "LICENSE"}
    assert made == {name: (DEMO / "vendor" / name).read_bytes() for name in made}
