"""The server SDKs, each with an instance of its own."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import cast

import pytest

from tests.browsers import Browsers
from tests.certificates import ServerCertificate
from tests.client import Instance
from tests.peers.go_sdk import GoSdk
from tests.peers.go_sdk import built as go_sdk_built
from tests.peers.java_sdk import HOST, JavaSdk, built
from tests.peers.replayed_sdks import GO, PHP, RUBY, SWIFT
from tests.peers.server_sdks import NodeSdk, PythonSdk, ServerSdk
from tests.peers.tls_proxy import TlsProxy
from tests.push_service import PushService
from tests.server import Server


@pytest.fixture(scope="session")
def python_sdk(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]
) -> Iterator[PythonSdk]:
    """With a server of its own, which speaks TLS."""
    directory = tmp_path_factory.mktemp("python_sdk")
    certificate, data = ServerCertificate(directory / "certificate"), directory / "data"
    with Server.start(data, environment=environment, certificate=certificate) as server:
        yield PythonSdk(server, certificate)


@pytest.fixture(scope="session")
def node_sdk(server: Server) -> NodeSdk:
    return NodeSdk(server)


@pytest.fixture(scope="session")
def java_sdk(
    server: Server, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[JavaSdk]:
    class_path = built(pytestconfig.cache.mkdir("java"))
    directory = tmp_path_factory.mktemp("java_sdk")
    # Not everybody's 127.0.0.1: another run of the tests may listen there.
    address = ".".join(["127", *(str(1 + secrets.randbelow(254)) for _ in range(3))])
    proxy = TlsProxy(server.port, directory, host=f"*.{HOST}", address=address)
    with ExitStack() as stack:
        try:
            stack.enter_context(proxy)
        except OSError as error:
            pytest.skip(f"the Java SDK speaks to port 443 alone, and there: {error}")
        yield JavaSdk(class_path, proxy, directory)


@pytest.fixture(scope="session")
def go_sdk(server: Server, pytestconfig: pytest.Config) -> GoSdk:
    return GoSdk(go_sdk_built(pytestconfig.cache.mkdir("go")), server)


#: The SDKs that are run, by fixture, and those that are replayed.
SDKS: Mapping[str, ServerSdk | str] = {
    "python": "python_sdk",
    "node": "node_sdk",
    "java": "java_sdk",
    "go": "go_sdk",
    "go replayed": GO,
    "php": PHP,
    "ruby": RUBY,
    "swift": SWIFT,
}


@pytest.fixture(scope="session", params=SDKS)
def sdk(request: pytest.FixtureRequest) -> ServerSdk:
    """Each of the server SDKs; those that can't be run here by their requests."""
    found = SDKS[request.param]
    if isinstance(found, str):
        found = cast("ServerSdk", request.getfixturevalue(found))
    return found


@pytest.fixture(scope="session")
def instance(sdk: ServerSdk, server: Server) -> Instance:
    """An instance for the SDK alone, on the server that it speaks to."""
    spoken_to = sdk.server if isinstance(sdk, PythonSdk) else server
    return spoken_to.create_instance(sdk.title)


@pytest.fixture
def browsers(push_service: PushService, instance: Instance) -> Browsers:
    return Browsers(push_service, instance)
