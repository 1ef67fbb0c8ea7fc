"""The official web SDK, unmodified, with a server that speaks TLS, under a path of its host."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.browser.app import WEB_SDK, App, comes
from tests.browser.site import Site
from tests.browser.tab import Tab
from tests.browsers import hello, new_name
from tests.certificates import ServerCertificate
from tests.peers.server_sdks import PythonSdk, publish_to_user
from tests.server import Server
from tests.waiting import finished

pytestmark = pytest.mark.asyncio(loop_scope="module")

PREFIX = "/tools/push"


@pytest.fixture
def certificate(tmp_path: Path) -> ServerCertificate:
    return ServerCertificate(tmp_path / "certificate")


@pytest.fixture
def prefixed(
    tmp_path: Path, environment: dict[str, str], certificate: ServerCertificate
) -> Iterator[Server]:
    public = {"HELIOGRAPH_URL": f"https://push.example.com{PREFIX}"}
    with Server.start(
        tmp_path / "data", environment={**environment, **public}, certificate=certificate
    ) as running:
        yield running


@pytest.fixture
def site(prefixed: Server) -> Iterator[Site]:
    with Site(prefixed.url + PREFIX, prefixed.instance.token) as site:
        yield site


@WEB_SDK.does("`endpointOverride` with a path, over https")
async def test_all_of_it_goes_to_a_server_under_a_path(
    tab: Tab, site: Site, prefixed: Server, certificate: ServerCertificate
) -> None:
    app, user = App(tab, site, prefixed.instance), new_name("alice / ż")
    await app.open()
    await app.log_in(user)
    await app.call("addDeviceInterest", "news")
    assert await app.call("getDeviceInterests") == {"interests": ["news"]}
    # The Python SDK takes a host alone; the server is there, too.
    sdk = PythonSdk(prefixed, certificate)
    published = partial(publish_to_user, sdk, prefixed.instance, user, hello("for Alice"))
    publish_id = await asyncio.to_thread(published)
    assert await comes(app.titles) == ["for Alice"]

    async def is_acknowledged() -> bool:
        report = await asyncio.to_thread(finished, prefixed, publish_id)
        return bool(report["acknowledged"] == 1)

    await comes(is_acknowledged)
    await app.call("stop")
    assert await app.call("getDeviceId") is None
