"""A real Firefox subscribes, and gets what pywebpush sends through the fake push service."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.browser.firefox import Firefox
from tests.browser.tab import Notification
from tests.fakes.known_good import Sender, Vapid
from tests.push_service import PushService, Subscription

DEADLINE_S = 20
PAGE = "<!doctype html><meta charset=utf-8><title>push</title>"
WORKER = """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", event => event.waitUntil(clients.claim()));
self.addEventListener("push", event => event.waitUntil(
  self.registration.showNotification("push", {body: event.data.text(), data: {n: 1}})));
"""
SUBSCRIBE = """
navigator.serviceWorker.register("/worker.js")
  .then(() => navigator.serviceWorker.ready)
  .then(worker => worker.pushManager.subscribe({userVisibleOnly: true, applicationServerKey: KEY}))
  .then(subscription => subscription.toJSON())
"""
UNSUBSCRIBE = """
navigator.serviceWorker.ready
  .then(worker => worker.pushManager.getSubscription())
  .then(subscription => subscription.unsubscribe())
"""


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PushService]:
    with PushService.start(tmp_path_factory.mktemp("push_service")) as push_service:
        yield push_service


@pytest.fixture
def vapid() -> Vapid:
    return Vapid.generate()


@pytest.fixture
def sender(fake: PushService, vapid: Vapid) -> Iterator[Sender]:
    with Sender(fake, vapid) as sender:
        yield sender


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """Serve the page and its worker, and return the page's URL."""
    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/worker.js", worker)])
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://localhost:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def page(_: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


async def worker(_: web.Request) -> web.Response:
    return web.Response(text=WORKER, content_type="text/javascript")


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if await condition():
            return
        await asyncio.sleep(0.05)
    pytest.fail("did not come true in time")


async def subscribe(browser: Firefox, site: str, vapid: Vapid) -> Subscription:
    await browser.goto(site)
    key = json.dumps(vapid.public_key)
    return Subscription.parse(await browser.evaluate(SUBSCRIBE.replace("KEY", key)))


def shows(browser: Firefox, text: str) -> Callable[[], Awaitable[bool]]:
    expected: list[Any] = [Notification(title="push", body=text, data={"n": 1})]

    async def is_shown() -> bool:
        return await browser.notifications() == expected

    return is_shown


def taken(fake: PushService, subscription: Subscription) -> Callable[[], Awaitable[bool]]:
    async def is_taken() -> bool:
        said = [(one.kind, one.code) for one in fake.acknowledgements(subscription)]
        return said == [("ack", 100)]

    return is_taken


async def test_a_push_reaches_the_worker_until_the_page_unsubscribes(
    fake: PushService, sender: Sender, vapid: Vapid, site: str
) -> None:
    async with Firefox(fake.autopush_url) as browser:
        subscription = await subscribe(browser, site, vapid)
        assert await asyncio.to_thread(sender.push, subscription, "zażółć ✓") == 201
        await until(shows(browser, "zażółć ✓"))
        await until(taken(fake, subscription))
        await browser.reload()
        assert await browser.evaluate(UNSUBSCRIBE) is True

        async def is_gone() -> bool:
            return await asyncio.to_thread(sender.push, subscription, "too late") == 410

        await until(is_gone)
    assert fake.refusals() == []


async def test_a_push_waits_while_firefox_is_closed(
    fake: PushService, sender: Sender, vapid: Vapid, site: str
) -> None:
    async with Firefox(fake.autopush_url) as browser:
        subscription = await subscribe(browser, site, vapid)
        await browser.quit()
        assert await asyncio.to_thread(sender.push, subscription, "while you were out") == 201
        await browser.start()
        await browser.goto(site)
        await until(shows(browser, "while you were out"))


async def test_a_closed_firefox_leaves_nothing_behind(fake: PushService) -> None:
    async with Firefox(fake.autopush_url) as browser:
        process, profile = browser.process_id, browser.profile
        assert profile.is_dir()
        assert process is not None
        assert is_running(process)
    assert not profile.exists()
    assert not is_running(process)


def is_running(process: int) -> bool:
    return Path(f"/proc/{process}").exists()
