"""Browsers of the shared server's instance, and of a server that a test may kill."""

import pytest

from tests.browsers import Browsers
from tests.push_service import PushService
from tests.server import Server


@pytest.fixture
def browsers(push_service: PushService, server: Server) -> Browsers:
    return Browsers(push_service, server.instance)


@pytest.fixture
def own_browsers(push_service: PushService, own_server: Server) -> Browsers:
    return Browsers(push_service, own_server.instance)
