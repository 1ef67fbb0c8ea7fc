"""What `make run` starts, and how it ends: Heliograph and its demo, as processes."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import TIED, free_port, is_up, process_of
from tests.waiting import eventually

REPOSITORY = Path(__file__).parents[2]
DEMO = REPOSITORY / "demo"
END_TIMEOUT_S = 60


class Run:
    """A running `demo/run.py` on ports and a data directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.port, self.demo_port = free_port(), free_port()
        self._log = directory / "run.log"
        command = [*TIED, sys.executable, str(DEMO / "run.py"), "--data", str(directory / "data")]
        command += ["--port", str(self.port), "--demo-port", str(self.demo_port)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def said(self) -> str:
        return self._log.read_text()

    def is_welcoming(self) -> bool:
        assert self.process.poll() is None, self.said()
        return "Ctrl-C stops everything" in self.said()

    def is_gone(self) -> bool:
        return not is_up(self.port) and not is_up(self.demo_port)

    def heliograph(self) -> int:
        """The process id of its Heliograph."""
        return process_of("heliograph serve", mentioning=str(self.port))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A demo that is up."""
    running = Run(tmp_path)
    try:
        eventually(running.is_welcoming, within_s=60)
        yield running
    finally:
        running.process.terminate()
        running.process.wait(END_TIMEOUT_S)


@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_demo_and_its_heliograph(run: Run, order: signal.Signals) -> None:
    run.process.send_signal(order)
    assert run.process.wait(END_TIMEOUT_S) == 0
    assert run.is_gone()


def test_the_demo_leaves_nothing_behind_when_it_is_killed(run: Run) -> None:
    run.process.kill()
    eventually(run.is_gone, within_s=END_TIMEOUT_S)


def test_the_demo_ends_when_heliograph_dies(run: Run) -> None:
    os.kill(run.heliograph(), signal.SIGKILL)
    assert run.process.wait(END_TIMEOUT_S) == 128 + signal.SIGKILL
    assert "Heliograph was ended by SIGKILL" in run.said()
    assert run.is_gone()


def test_the_demo_shows_how_to_publish_from_the_command_line(run: Run) -> None:
    found = re.search(r"^  (\S*heliograph publish .*)$", run.said(), re.MULTILINE)
    assert found is not None
    answer = subprocess.check_output(found[1], shell=True, timeout=END_TIMEOUT_S)
    assert answer.startswith(b"pubid-")


def test_a_taken_port_is_named_with_the_option_that_changes_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, complaint = failed_run(tmp_path, port)
    assert status == 1
    assert f"port {port} " in complaint
    assert "--demo-port" in complaint


def test_a_wrong_setting_ends_the_demo_with_heliographs_words(tmp_path: Path) -> None:
    status, complaint = failed_run(tmp_path, free_port(), HELIOGRAPH_CONTACT="nobody")
    assert status == 2
    assert "HELIOGRAPH_CONTACT must be like" in complaint


def failed_run(directory: Path, demo_port: int, **environment: str) -> tuple[int, str]:
    """Run the demo, which ends by itself; return its exit status and what it complains of."""
    command = [sys.executable, str(DEMO / "run.py"), "--data", str(directory / "data")]
    command += ["--port", str(free_port()), "--demo-port", str(demo_port)]
    variables = {**os.environ, **environment}
    ended = subprocess.run(
        command,
        env=variables,
        stderr=subprocess.PIPE,
        text=True,
        timeout=END_TIMEOUT_S,
        check=False,
    )
    return ended.returncode, ended.stderr
