"""The official web SDK, unmodified, with other workers and clients than one, in a real Firefox."""

from contextlib import suppress
from functools import partial

import pytest

from tests.browser.app import WEB_SDK, App, Script, comes
from tests.browser.bidi import BrowserError
from tests.browser.site import Site
from tests.browser.tab import Tab
from tests.browsers import hello, new_name
from tests.client import Instance
from tests.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWN_WORKER = Script("await navigator.serviceWorker.register('/app/own-worker.js')")
SDKS_WORKER = Script("await navigator.serviceWorker.register('/service-worker.js')")
WORKERS = """
navigator.serviceWorker.getRegistrations()
  .then(workers => workers.map(worker => new URL(worker.active.scriptURL).pathname))
"""


@pytest.fixture(scope="module")
def other_instance(server: Server) -> Instance:
    return server.create_instance(new_name("other"))


@WEB_SDK.does("`serviceWorkerRegistration`: a worker of one's own")
async def test_an_app_may_have_a_worker_of_its_own(tab: Tab, server: Server, site: Site) -> None:
    app, user = App(tab, site, server.instance), new_name("alice")
    await app.open("/app/", worker=OWN_WORKER)
    await app.log_in(user)
    assert await tab.evaluate(WORKERS) == ["/app/own-worker.js"]
    server.instance.publish.to_users([user], hello("for Alice"))
    assert await comes(app.titles) == ["for Alice"]
    # It still does the app's own work.
    await tab.evaluate("navigator.serviceWorker.ready.then(({active}) => active.postMessage(7))")
    await comes(partial(_has_told, app, {"answer": 7}))
    await app.call("stop")
    assert await app.call("getDeviceId") is None


@WEB_SDK.does("two instances on a page, with a worker each")
async def test_two_instances_on_one_page_reach_it_by_a_worker_each(
    tab: Tab, server: Server, site: Site, other_instance: Instance
) -> None:
    app = App(tab, site, server.instance)
    other = App(tab, site, other_instance, name="other")
    await app.open("/app/", worker=SDKS_WORKER)
    await other.make_client(worker=OWN_WORKER)
    interest = new_name("news")
    for client in (app, other):
        await client.start()
        await client.call("addDeviceInterest", interest)
    for client, title in ((app, "of one"), (other, "of the other")):
        client.instance.publish.to_interests([interest], hello(title))
        await comes(partial(_has_arrived, app, title))
    assert await app.titles() == ["of one", "of the other"]
    await other.call("stop")
    assert await app.call("getDeviceInterests") == {"interests": [interest]}


@WEB_SDK.does(
    "two instances on a page, with one worker",
    result="each takes the page from the other: a worker has one subscription. "
    "`start()` may fail once; call it again",
)
async def test_two_instances_with_one_worker_take_the_page_from_each_other(
    app: App, server: Server, other_instance: Instance
) -> None:
    """A worker has one subscription, with the key of the instance that was started last."""
    user = new_name("alice")
    await app.log_in(user)
    other = App(app.tab, app.site, other_instance, name="other")
    await other.make_client()
    app.site.token_of = other_instance.token
    await comes(partial(_is_started, other))
    await other.set_user(user)
    assert await app.call("getDeviceId") is None
    assert await app.call("getUserId") is None
    server.instance.publish.to_users([user], hello("of one"))
    other_instance.publish.to_users([user], hello("of the other"))
    await comes(app.titles)
    assert await app.titles() == ["of the other"]


@WEB_SDK.does("two clients of an instance on a page are one device")
async def test_two_clients_of_an_instance_are_one_device(app: App, server: Server) -> None:
    user = new_name("alice")
    device_id = await app.log_in(user)
    other = App(app.tab, app.site, app.instance, name="other")
    await other.make_client()
    assert await other.start() == device_id
    assert await other.call("getUserId") == user
    await other.call("addDeviceInterest", "news")
    assert await app.call("getDeviceInterests") == {"interests": ["news"]}
    await other.call("stop")
    # The first may take itself for started until the page is loaded again; the server doesn't.
    await app.refusal("addDeviceInterest", "news")
    assert server.instance.devices.get(device_id).status == 404
    await app.open()
    assert await app.call("getDeviceId") is None


async def _is_started(app: App) -> bool:
    """Try to start. It may fail at first: the SDK doesn't wait for the old subscription's end."""
    with suppress(BrowserError):
        await app.call("start")
    return await app.call("getDeviceId") is not None


async def _has_told(app: App, message: dict[str, object]) -> bool:
    return message in await app.arrived()


async def _has_arrived(app: App, title: str) -> bool:
    return title in await app.titles()
