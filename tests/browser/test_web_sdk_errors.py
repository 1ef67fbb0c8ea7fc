"""What the official web SDK, unmodified, complains of in a real Firefox."""

import pytest

from tests.browser.app import WEB_SDK, App, Script
from tests.browser.bidi import BrowserError
from tests.browser.firefox import INSECURE_HOST
from tests.browser.site import Site
from tests.browser.tab import Tab
from tests.client import Instance
from tests.processes import free_port
from tests.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNSUPPORTED = "Pusher Beams does not support this browser version"
MISSING_APIS = {
    "self.indexedDB": f"{UNSUPPORTED} (IndexedDB not supported)",
    "Navigator.prototype.serviceWorker": f"{UNSUPPORTED} (Service Workers not supported)",
    "self.PushManager": f"{UNSUPPORTED} (Web Push not supported)",
}
OWN_WORKER = Script("await navigator.serviceWorker.register('/app/own-worker.js')")


async def constructed(tab: Tab, configuration: str) -> str:
    """Make a client with a configuration in JavaScript, and return the error's text."""
    with pytest.raises(BrowserError) as refusal:
        await tab.evaluate(f"(new PusherPushNotifications.Client({configuration}), null)")
    return str(refusal.value)


@WEB_SDK.does("error for a configuration without an instance id")
async def test_a_client_needs_an_instance(tab: Tab, site: Site) -> None:
    await tab.goto(site.url)
    assert await constructed(tab, "") == "Error: Config object required"
    assert await constructed(tab, "null") == "Error: Config object required"
    assert await constructed(tab, "{}") == "Error: Instance ID is required"
    assert await constructed(tab, "{instanceId: 7}") == "Error: Instance ID must be a string"
    assert await constructed(tab, "{instanceId: null}") == "Error: Instance ID must be a string"
    assert await constructed(tab, "{instanceId: ''}") == "Error: Instance ID cannot be empty"


@WEB_SDK.does("error for a browser that can't push")
async def test_a_client_needs_a_browser_that_can_push(tab: Tab, site: Site) -> None:
    for api, error in MISSING_APIS.items():
        await tab.goto(site.url)
        assert await tab.evaluate(f"delete {api}") is True
        assert await constructed(tab, "{instanceId: 'i'}") == f"Error: {error}"


@WEB_SDK.does("error for a page without https")
async def test_a_client_needs_a_secure_context(tab: Tab, site: Site) -> None:
    await tab.goto(f"http://{INSECURE_HOST}:{site.port}/")
    error = await constructed(tab, "{instanceId: 'i'}")
    assert error.startswith("Error: Pusher Beams relies on Service Workers, which only work in ")


@WEB_SDK.does("error for a worker of another scope")
async def test_a_client_needs_a_worker_whose_scope_the_page_is_in(tab: Tab, site: Site) -> None:
    await tab.goto(site.url)
    given = f"{{instanceId: 'i', serviceWorkerRegistration: {OWN_WORKER}}}"
    assert await constructed(tab, given) == (
        "Error: Could not initialize Pusher web push: "
        f"current page not in serviceWorkerRegistration scope ({site.url}/app/)"
    )


@WEB_SDK.does("error for a site without the service worker")
async def test_a_site_without_the_worker_is_told(tab: Tab, server: Server, site: Site) -> None:
    site.worker_end = None
    app = App(tab, site, server.instance)
    await app.open()
    for method in ("start", "getDeviceId", "getRegistrationState", "stop"):
        assert await app.refusal(method) == (
            "Error: Cannot start SDK, service worker missing: No file found at /service-worker.js"
        )


async def test_without_notifications_a_client_does_nothing(app: App) -> None:
    assert await app.tab.evaluate("delete self.Notification") is True
    for method, arguments in (
        ("start", []),
        ("setUserId", ["alice", Script("null")]),
        ("stop", []),
        ("clearAllState", []),
    ):
        await app.tab.evaluate(f"client.{method}(...{arguments}).then(() => null)")
    assert await app.call("getDeviceId") is None


@WEB_SDK.does("error for an unknown instance")
async def test_an_unknown_instance_is_told(tab: Tab, server: Server, site: Site) -> None:
    for instance_id in ("00000000-0000-4000-8000-000000000000", "no uuid", "a/b", ".."):
        app = App(tab, site, Instance(server.client, instance_id, "no key"))
        await app.open()
        assert (await app.refusal("start")).startswith("Error: Unexpected status code 404: ")
        assert await app.call("getDeviceId") is None


@WEB_SDK.does("error for a server that is away")
async def test_a_server_that_is_away_is_told_and_can_be_tried_again(app: App) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    await app.make_client(url=away)
    assert "NetworkError" in await app.refusal("start")
    assert await app.call("getDeviceId") is None
    await app.make_client()
    device_id = await app.start()
    await app.make_client(url=away)
    assert "NetworkError" in await app.refusal("addDeviceInterest", "news")
    assert await app.call("getDeviceId") == device_id


async def test_a_server_that_is_not_heliograph_is_told(app: App) -> None:
    await app.make_client(url=app.site.url)
    error = "Error: Unexpected status code 404: Cannot parse error response"
    assert await app.refusal("start") == error
