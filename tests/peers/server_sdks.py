"""The official server SDKs, unmodified, each in a process of its own.

Every one is called in the same way: a list of calls in, a list of outcomes out, in one process.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tests.certificates import ServerCertificate
from tests.client import Instance
from tests.server import Server

PEERS = Path(__file__).parent
NODE_MODULES = PEERS.parent / "javascript" / "node_modules"
NODE = Path(sys.executable).with_name("node")
RUN_TIMEOUT_S = 60

Call = Sequence[object]
"""A method and its arguments: publishToInterests, publishToUsers, generateToken, deleteUser."""


PUSHER_ERRORS: Mapping[int, str] = {401: "PusherAuthError", 404: "PusherMissingInstanceError"}
"""What two SDKs call them; other refusals are a PusherValidationError."""


class SdkError(NamedTuple):
    """What an SDK raised: the type's name, and what it says."""

    type: str
    text: str


class Refusal(NamedTuple):
    """An answer that is not 200."""

    status: int
    title: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a call: what the SDK returned, or what it raised."""

    value: Any = None
    error: SdkError | None = None

    def returned(self) -> Any:
        assert self.error is None, self.error
        return self.value


class ServerSdk(Protocol):
    """An SDK of app servers."""

    @property
    def title(self) -> str:
        """What a reader knows it by."""
        ...

    @property
    def version(self) -> str: ...

    @property
    def bad_interest(self) -> str | None:
        """An interest that the server refuses and the SDK does not, if it lets any pass."""
        ...

    @property
    def longest_user_id(self) -> str:
        """As long as the SDK lets a user id be."""
        ...

    def run(
        self, instance: Instance, calls: Sequence[Call], *, timezone: str = "UTC"
    ) -> list[Outcome]:
        """Make the calls with the instance's id and secret key."""
        ...

    def error(self, method: str, refusal: Refusal, /) -> SdkError:
        """What the SDK makes of a refusal."""
        ...


def version_of_package(name: str) -> str:
    """The version of a JavaScript package that is installed for the tests."""
    return str(json.loads((NODE_MODULES / name / "package.json").read_text())["version"])


class PythonSdk:
    """The Python SDK, which speaks https only. server: speaks TLS, with this certificate."""

    title = "Python server SDK"
    version = metadata.version("pusher-push-notifications")
    bad_interest = ""
    longest_user_id = "🔆" * 164

    def __init__(self, server: Server, certificate: ServerCertificate) -> None:
        self.server = server
        self._arguments = [str(certificate.ca_file), f"localhost:{server.port}"]

    def run(
        self, instance: Instance, calls: Sequence[Call], *, timezone: str = "UTC"
    ) -> list[Outcome]:
        program = [sys.executable, str(PEERS / "python" / "calls.py")]
        return outcomes([*program, *self._arguments], instance, calls, {"TZ": timezone})

    def error(self, method: str, refusal: Refusal) -> SdkError:
        text = f"{refusal.title}: {refusal.description}"
        return SdkError(PUSHER_ERRORS.get(refusal.status, "PusherValidationError"), text)


class NodeSdk:
    """The Node SDK, which speaks http to a host of one's own."""

    title = "Node server SDK"
    version = version_of_package("@pusher/push-notifications-server")
    bad_interest = ""
    longest_user_id = "用" * 164

    def __init__(self, server: Server) -> None:
        self._port = str(server.port)

    def run(
        self, instance: Instance, calls: Sequence[Call], *, timezone: str = "UTC"
    ) -> list[Outcome]:
        program = [str(NODE), str(PEERS / "node" / "calls.js"), self._port]
        environment = {"TZ": timezone, "NODE_PATH": str(NODE_MODULES)}
        return outcomes(program, instance, calls, environment)

    def error(self, method: str, refusal: Refusal) -> SdkError:
        return SdkError("Error", f"{refusal.status} {refusal.title} - {refusal.description}")


def outcomes(
    program: Sequence[str],
    instance: Instance,
    calls: Sequence[Call],
    environment: Mapping[str, str],
) -> list[Outcome]:
    """Run a program that makes the calls. environment: added to that of the tests."""
    given = {"instanceId": instance.id, "secretKey": instance.secret_key, "calls": calls}
    ended = subprocess.run(
        program,
        env={**os.environ, **environment},
        input=json.dumps(given),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return [_outcome(each) for each in json.loads(ended.stdout)]


def _outcome(told: Mapping[str, Any]) -> Outcome:
    if "error" in told:
        return Outcome(error=SdkError(*told["error"]))
    return Outcome(value=told.get("value"))


def publish_to_user(
    sdk: ServerSdk, instance: Instance, user: str, payload: dict[str, object]
) -> str:
    """Publish to a user with the SDK; return the publish id."""
    [outcome] = sdk.run(instance, [["publishToUsers", [user], payload]])
    return str(outcome.returned()["publishId"])
