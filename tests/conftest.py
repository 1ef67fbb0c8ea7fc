"""What most tests stand on: a strict push service and a server that delivers to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apns_service import ApnsService
from tests.browsers import Browsers
from tests.fcm_service import FcmService
from tests.push_service import PushService
from tests.server import Server

pytest_plugins = ["tests.compatibility", "tests.databases"]

LONGEST_FIRST = ("faults", "delivery", "browser")
"""Folders whose files take the longest: begun last, one would leave the other workers idle."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        folder = item.path.parent.name
        return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)

    items.sort(key=rank)


@pytest.fixture(scope="session")
def push_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PushService]:
    """The strict fake of a Web Push service. What it refuses fails the test, see below."""
    with PushService.start(tmp_path_factory.mktemp("push_service")) as running:
        yield running


@pytest.fixture(scope="session")
def apns_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApnsService]:
    """The strict fake of APNs."""
    with ApnsService.start(tmp_path_factory.mktemp("apns")) as running:
        yield running


@pytest.fixture(scope="session")
def fcm_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FcmService]:
    """The strict fake of FCM and its token endpoint."""
    with FcmService.start(tmp_path_factory.mktemp("fcm")) as running:
        yield running


@pytest.fixture(scope="session")
def environment(
    push_service: PushService,
    apns_service: ApnsService,
    fcm_service: FcmService,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """The settings of a server that delivers to the fake gateways."""
    authorities = tmp_path_factory.mktemp("authorities") / "ca.pem"
    fakes = (push_service, apns_service, fcm_service)
    authorities.write_bytes(b"".join(fake.ca_file.read_bytes() for fake in fakes))
    return {
        "HELIOGRAPH_APNS_URL": apns_service.url,
        "HELIOGRAPH_FCM_URL": fcm_service.url,
        "HELIOGRAPH_FCM_TOKEN_URL": fcm_service.token_url,
        "HELIOGRAPH_ALLOW_PRIVATE_ENDPOINTS": "127.0.0.0/8,::1/128",
        "HELIOGRAPH_CONTACT": "mailto:ops@example.com",
        "HELIOGRAPH_GATEWAY_CA": str(authorities),
        # All devices of all tests are at one address.
        "HELIOGRAPH_DEVICE_RATE": "100000",
    }


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]
) -> Iterator[Server]:
    """One server for all tests that leave it as they found it."""
    data = tmp_path_factory.mktemp("server") / "data"
    with Server.start(data, environment=environment) as running:
        yield running


@pytest.fixture
def own_server(tmp_path: Path, environment: dict[str, str]) -> Iterator[Server]:
    """A server for one test alone, which may kill it."""
    with Server.start(tmp_path / "data", environment=environment) as running:
        yield running


@pytest.fixture
def browsers(push_service: PushService, server: Server) -> Browsers:
    """Browsers of the shared server's first instance."""
    return Browsers(push_service, server.instance)


@pytest.fixture
def own_browsers(push_service: PushService, own_server: Server) -> Browsers:
    """Browsers of the server that is the test's alone."""
    return Browsers(push_service, own_server.instance)


@pytest.fixture(autouse=True)
def no_unexpected_refusal(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail every test in which a gateway had to refuse what it was sent."""
    yield
    for name in {"apns_service", "fcm_service"} & set(request.fixturenames):
        fake: ApnsService | FcmService = request.getfixturevalue(name)
        unexpected = fake.refusals()
        fake.reset()
        assert unexpected == []
    if "push_service" in request.fixturenames:
        push_service: PushService = request.getfixturevalue("push_service")
        push_service.release()
        refused = push_service.refusals()
        push_service.clear_refusals()
        assert refused == []
