"""What the official web SDK, unmodified, keeps in a real Firefox, and when it lets go of it."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from tests.browser.app import WEB_SDK, App, comes
from tests.browser.firefox import Firefox
from tests.browser.tab import Permission
from tests.browsers import hello, new_name
from tests.processes import free_port
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import finished

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNSUBSCRIBE = """
navigator.serviceWorker.ready
  .then(worker => worker.pushManager.getSubscription())
  .then(subscription => subscription.unsubscribe())
"""
NOT_REGISTERED = "PERMISSION_GRANTED_NOT_REGISTERED_WITH_BEAMS"
REGISTERED = "PERMISSION_GRANTED_REGISTERED_WITH_BEAMS"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def firefox(push_service: PushService) -> AsyncIterator[Firefox]:
    """A Firefox that lets no page show notifications by itself."""
    async with Firefox(push_service.autopush_url, permission=Permission.ASK) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def allowed_app(app: App) -> App:
    """The app, after a person has let it show notifications."""
    await app.tab.set_permission(Permission.GRANTED)
    return app


@WEB_SDK.does("`getRegistrationState()`")
async def test_the_registration_state_follows_permission_and_registration(app: App) -> None:
    assert await app.call("getRegistrationState") == "PERMISSION_PROMPT_REQUIRED"
    await app.tab.set_permission(Permission.GRANTED)
    assert await app.call("getRegistrationState") == NOT_REGISTERED
    await app.call("start")
    assert await app.call("getRegistrationState") == REGISTERED
    await app.call("stop")
    assert await app.call("getRegistrationState") == NOT_REGISTERED
    await app.tab.set_permission(Permission.DENIED)
    assert await app.call("getRegistrationState") == "PERMISSION_DENIED"


@WEB_SDK.does("error without permission")
async def test_without_permission_there_is_no_device(app: App) -> None:
    await app.tab.set_permission(Permission.DENIED)
    assert (await app.refusal("start")).startswith("NotAllowedError: ")
    assert await app.call("getDeviceId") is None
    assert await app.call("getRegistrationState") == "PERMISSION_DENIED"


@WEB_SDK.does("`getDeviceId()`", "a page that is loaded again is the same device")
async def test_a_loaded_page_knows_the_device_again(allowed_app: App) -> None:
    user = new_name("alice")
    device_id = await allowed_app.log_in(user)
    await allowed_app.call("addDeviceInterest", "news")
    token = await allowed_app.call("getToken")
    await allowed_app.open()
    assert await allowed_app.call("getRegistrationState") == REGISTERED
    assert await allowed_app.start() == device_id
    assert await allowed_app.call("getToken") == token
    assert await allowed_app.call("getUserId") == user
    assert await allowed_app.call("getDeviceInterests") == {"interests": ["news"]}


@WEB_SDK.does("`clearAllState()`")
async def test_clear_all_state_makes_a_new_device_without_user_or_interests(
    allowed_app: App, server: Server
) -> None:
    device_id = await allowed_app.log_in(new_name("alice"))
    await allowed_app.call("addDeviceInterest", "news")
    await allowed_app.call("clearAllState")
    new_id = await allowed_app.call("getDeviceId")
    assert new_id != device_id
    assert server.instance.devices.get(device_id).status == 404
    assert server.instance.devices.get(new_id).json()["userId"] == ""
    assert await allowed_app.call("getUserId") is None
    assert await allowed_app.call("getDeviceInterests") == {"interests": []}


async def test_before_the_start_there_is_nothing_to_stop(app: App) -> None:
    assert await app.call("stop") is None
    assert await app.call("getDeviceId") is None
    assert await app.call("getToken") is None
    assert await app.call("getUserId") is None


@WEB_SDK.does("error for a `stop()` that does not reach the server")
async def test_a_stop_that_does_not_reach_the_server_changes_nothing(
    allowed_app: App, server: Server
) -> None:
    user = new_name("alice")
    device_id = await allowed_app.log_in(user)
    await allowed_app.make_client(url=f"http://127.0.0.1:{free_port()}")
    for method in ("stop", "clearAllState"):
        assert "NetworkError" in await allowed_app.refusal(method)
        assert await allowed_app.call("getDeviceId") == device_id
        assert await allowed_app.call("getUserId") == user
    await allowed_app.make_client()
    await allowed_app.call("stop")
    assert server.instance.devices.get(device_id).status == 404


@WEB_SDK.does("permission taken back: the device is gone, and a new one when it is given again")
async def test_who_takes_the_permission_back_is_a_new_device_later(
    allowed_app: App, server: Server
) -> None:
    user = new_name("alice")
    device_id = await allowed_app.log_in(user)
    await allowed_app.tab.set_permission(Permission.DENIED)
    await comes(lambda: _is_forgotten(allowed_app))
    assert await allowed_app.call("getUserId") is None
    # Nobody has told the server; the push service does, at the next publish.
    assert server.instance.devices.get(device_id).json()["userId"] == user
    await comes(partial(_are_removed_by_a_publish, server, user, 1))
    assert server.instance.devices.get(device_id).status == 404
    await allowed_app.tab.set_permission(Permission.GRANTED)
    assert await allowed_app.call("getRegistrationState") == NOT_REGISTERED
    assert await allowed_app.log_in(user) != device_id
    server.instance.publish.to_users([user], hello("again"))
    assert await comes(allowed_app.titles) == ["again"]


@WEB_SDK.does("a page that unsubscribes without the SDK is a new device later")
async def test_a_page_that_unsubscribes_without_the_sdk_is_a_new_device_later(
    allowed_app: App, server: Server
) -> None:
    user = new_name("alice")
    device_id = await allowed_app.log_in(user)
    assert await allowed_app.tab.evaluate(UNSUBSCRIBE) is True
    assert await allowed_app.call("getRegistrationState") == NOT_REGISTERED
    assert await allowed_app.call("getUserId") is None
    error = await allowed_app.refusal("addDeviceInterest", "news")
    assert "SDK not registered with Beams" in error
    assert await allowed_app.start() != device_id
    assert await allowed_app.call("getUserId") is None
    await comes(partial(_are_removed_by_a_publish, server, user, 1))
    assert server.instance.devices.get(device_id).status == 404


@WEB_SDK.does(
    "a device deleted on the server",
    result="its calls fail with 404 until `clearAllState()`, or `stop()` and `start()`",
)
async def test_a_device_deleted_on_the_server_can_be_stopped_and_started(
    allowed_app: App, server: Server
) -> None:
    device_id = await allowed_app.start()
    assert server.instance.devices.delete(device_id).status == 200
    error = await allowed_app.refusal("addDeviceInterest", "news")
    assert error == "Error: Unexpected status code 404: Not found, Device not found"
    await allowed_app.call("stop")
    assert await allowed_app.call("getDeviceId") is None
    assert await allowed_app.start() != device_id
    await allowed_app.call("addDeviceInterest", "news")


async def _is_forgotten(app: App) -> bool:
    return await app.call("getDeviceId") is None


async def _are_removed_by_a_publish(server: Server, user: str, number: int) -> bool:
    """Publish, and say whether so many devices were removed for it.

    The page knows of an unsubscription a little before the push service does.
    """
    publish_id = server.instance.publish.to_users([user], hello("to nobody")).json()["publishId"]
    report = await asyncio.to_thread(finished, server, publish_id)
    return bool(report["removed"] == number)
