"""A browser that another service knew comes over, by the lines in docs/migrate-from-beams.md."""

import asyncio
import re
from functools import partial
from pathlib import Path

import pytest

from tests.browser.app import WEB_SDK, App, comes
from tests.browsers import hello, new_name
from tests.client import Instance
from tests.server import Server
from tests.waiting import finished

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOCUMENT = Path(__file__).parents[2] / "docs" / "migrate-from-beams.md"


def lines() -> str:
    """The function for pages, out of the document."""
    [block] = re.findall(r"^```js\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    return str(block)


@pytest.fixture
def moved(server: Server, own_server: Server) -> Instance:
    """The instance of the hosted service, which is `server` here, made anew on another."""
    options = ("--id", server.instance_id, "--secret-key", server.secret_key)
    return own_server.create_instance("moved", *options)


@WEB_SDK.does(
    "a browser that the hosted service knew",
    result="works, with the lines in [Moving from Pusher Beams](migrate-from-beams.md)",
)
async def test_a_browser_comes_over_and_belongs_to_one_server_alone(
    app: App, server: Server, own_server: Server, moved: Instance
) -> None:
    user = new_name("alice")
    hosted_id = await app.log_in(user)
    app.site.heliograph_url = own_server.url
    await app.open()
    assert " 404: " in await app.refusal("addDeviceInterest", "news")

    for _visit in range(2):
        await app.tab.evaluate(f"({lines()})(client).then(() => null)")
        await app.set_user(user)
        assert await app.call("getDeviceId") != hosted_id
    [device] = own_server.json_of("user", "show", user, "--instance", moved.id)["devices"]
    assert device["id"] == await app.call("getDeviceId")

    moved.publish.to_users([user], hello("from here"))
    assert await comes(app.titles) == ["from here"]
    await comes(partial(_is_gone_from, server, user))
    assert await app.titles() == ["from here"]


async def _is_gone_from(server: Server, user: str) -> bool:
    """Publish where the browser was, and say whether it is found to be gone there."""
    publish_id = server.instance.publish.to_users([user], hello("from there")).json()["publishId"]
    report = await asyncio.to_thread(finished, server, publish_id)
    return bool(report["removed"] == 1)
