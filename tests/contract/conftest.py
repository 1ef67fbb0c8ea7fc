"""Two apps on one running server. Each test brings devices and users of its own."""

from uuid import uuid4

import pytest

from tests.client import DeviceApi, Instance
from tests.push_tokens import PLATFORMS
from tests.server import Server


@pytest.fixture(scope="session")
def instance(server: Server) -> Instance:
    return server.instance


@pytest.fixture(scope="session")
def other_instance(server: Server) -> Instance:
    return server.create_instance("other")


@pytest.fixture(scope="session")
def devices(instance: Instance) -> DeviceApi:
    return instance.devices


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def user_id() -> str:
    return f"user-{uuid4()}"


@pytest.fixture
def unknown_id(platform: str) -> str:
    """A device id of the right form that nobody has."""
    return f"{platform}-{uuid4()}"
