"""The official Go SDK, unmodified, which speaks to a URL of one's own."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.client import Instance
from tests.peers.replayed_sdks import GO
from tests.peers.server_sdks import PEERS, Call, Outcome, Refusal, SdkError, outcomes
from tests.server import Server

SOURCE = PEERS / "go"
MODULE = "github.com/pusher/push-notifications-go"
BUILD_TIMEOUT_S = 100


def built(cache: Path) -> Path:
    """Return the program that calls the SDK, which is fetched and compiled once.

    cache: where it stays. Skips the test where there is no Go, or the module can't be had.
    """
    if shutil.which("go") is None:
        pytest.skip("the Go SDK needs go, which is not installed")
    content = b"".join(file.read_bytes() for file in sorted(SOURCE.iterdir()))
    directory = cache / hashlib.sha256(content).hexdigest()[:16]
    if not directory.exists():
        unfinished = cache / f"{directory.name}.{os.getpid()}"
        shutil.copytree(SOURCE, unfinished)
        _fetch(unfinished)
        compiled = _run(["go", "build", "-mod=mod", "-o", "calls", "."], unfinished)
        assert compiled.returncode == 0, compiled.stderr
        unfinished.rename(directory)
    return directory / "calls"


def _fetch(directory: Path) -> None:
    try:
        fetched = _run(["go", "mod", "download", MODULE], directory)
    except subprocess.TimeoutExpired as error:
        pytest.skip(f"the Go SDK was not fetched within {error.timeout:.0f} s")
    if fetched.returncode != 0:
        complaint = (fetched.stderr.splitlines() or ["Go says nothing"])[0]
        pytest.skip(f"the Go SDK could not be fetched: {complaint}")


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


def _run(command: Sequence[str], directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
