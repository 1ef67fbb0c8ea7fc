"""The official Go SDK, unmodified, which speaks to a URL of one's own."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.client import Instance
from tests.peers.replayed_sdks import GO
from tests.peers.server_sdks import PEERS, Call, Outcome, Refusal, SdkError, outcomes
from tests.peers.toolchain import built_once, fetch, require, run
from tests.server import Server

SOURCE = PEERS / "go"
MODULE = "github.com/pusher/push-notifications-go"
SDK = "Go SDK"


def built(cache: Path) -> Path:
    """Return the program that calls the SDK, which is fetched and compiled once.

    cache: where it stays. Skips the test where there is no Go, or the module can't be had.
    """
    require(SDK, "go")
    return built_once(cache, sorted(SOURCE.iterdir()), _build) / "calls"


def _build(directory: Path) -> None:
    shutil.copytree(SOURCE, directory, dirs_exist_ok=True)
    fetch(SDK, ["go", "mod", "download", MODULE], directory)
    compiled = run(["go", "build", "-mod=mod", "-o", "calls", "."], directory)
    assert compiled.returncode == 0, compiled.stderr


def _version() -> str:
    found = re.search(rf"{re.escape(MODULE)} v(\S+)", (SOURCE / "go.mod").read_text())
    assert found is not None
    return found[1]


class GoSdk:
    """The Go SDK. program: calls it."""

    title = "Go server SDK"
    version = _version()
    bad_interest = GO.bad_interest
    longest_user_id = GO.longest_user_id

    def __init__(self, program: Path, server: Server) -> None:
        self._program = program
        self._url = server.url

    def run(
        self, instance: Instance, calls: Sequence[Call], *, timezone: str = "UTC"
    ) -> list[Outcome]:
        program = [str(self._program), self._url]
        return outcomes(program, instance, calls, {"TZ": timezone})

    def error(self, method: str, refusal: Refusal) -> SdkError:
        return GO.error(method, refusal)
