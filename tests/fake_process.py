"""A fake gateway as a process of its own: started, asked and ended."""

import json
import subprocess
import sys
import time
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, ClassVar, Self

START_TIMEOUT_S = 20
ANSWER_TIMEOUT_S = 30
STOP_TIMEOUT_S = 5
REPOSITORY = Path(__file__).parent.parent


class FakeProcess:
    """A running fake. module: what is run as `python -m MODULE --directory DIRECTORY`."""

    module: ClassVar[str]

    def __init__(self, process: subprocess.Popen[bytes], directory: Path) -> None:
        self._process = process
        self.directory = directory
        self.ports = _ports(process, directory)
        self.ca_file = directory / "ca.pem"

    @classmethod
    def start(cls, directory: Path) -> Self:
        """Start it and wait until it listens. directory: an empty one, for its files."""
        command = [sys.executable, "-m", cls.module, "--directory", str(directory)]
        with (directory / "log").open("wb") as log:
            # It ends when this pipe closes, and so with this process, however it dies.
            process = subprocess.Popen(
                command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        try:
            return cls(process, directory)
        except BaseException:
            process.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def hold(self) -> None:
        """Leave right requests unanswered until release."""
        self.ask("hold")

    def release(self) -> None:
        self.ask("release")

    def refusals(self) -> list[dict[str, str]]:
        """What the fake refused by itself, not because it was told to: rule, detail, token."""
        return list(self.ask("refusals"))

    def clear_refusals(self) -> None:
        self.ask("clear_refusals")

    def reset(self) -> None:
        """Forget what was sent and ordered."""
        self.ask("reset")

    def ask(self, what: str, **wish: Any) -> Any:
        connection = HTTPConnection("127.0.0.1", self.ports["http"], timeout=ANSWER_TIMEOUT_S)
        try:
            connection.request("POST", f"/control/{what}", json.dumps(wish))
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != HTTPStatus.OK:
            raise RuntimeError(f"{self.module}: {what} -> {response.status}")
        return json.loads(answer)


def _ports(process: subprocess.Popen[bytes], directory: Path) -> dict[str, int]:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            return dict(json.loads((directory / "ports.json").read_text()))
        except FileNotFoundError:
            if process.poll() is not None:
                break
        time.sleep(0.02)
    raise RuntimeError(f"a fake did not start:\n{(directory / 'log').read_text()}")
