"""The official web SDK on the page of an app, in a real Firefox, against a server.

The Firefox is one for a test file, as it takes seconds to start; each test has a person of its own
in it, and a site of its own.
"""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.browser.app import App
from tests.browser.firefox import Firefox
from tests.browser.site import Site
from tests.browser.tab import Tab
from tests.push_service import PushService
from tests.server import Server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def firefox(push_service: PushService) -> AsyncIterator[Firefox]:
    """A Firefox that lets all pages show notifications."""
    async with Firefox(push_service.autopush_url) as running:
        yield running


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    with Site(server.url, server.instance.token) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def tab(firefox: Firefox) -> AsyncIterator[Tab]:
    async with firefox.person() as tab:
        yield tab


@pytest_asyncio.fixture(loop_scope="module")
async def app(tab: Tab, server: Server, site: Site) -> App:
    """The app, open in the tab of a person."""
    app = App(tab, site, server.instance)
    await app.open()
    return app


@pytest_asyncio.fixture(loop_scope="module")
async def other_app(firefox: Firefox, server: Server, site: Site) -> AsyncIterator[App]:
    """The app, open in the tab of another person."""
    async with firefox.person() as tab:
        app = App(tab, site, server.instance)
        await app.open()
        yield app
