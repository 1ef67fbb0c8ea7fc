"""A running `heliograph worker`, beside a server on the same data directory."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.processes import TIED
from tests.server import HELIOGRAPH
from tests.waiting import eventually

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 60


class WorkerProcess:
    """A worker. Started by `WorkerProcess.start`; its process ends with the tests."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self.log = log

    @classmethod
    def start(cls, data: Path, name: str, *, environment: Mapping[str, str]) -> Self:
        """Start a worker on a server's data and wait until it works. name: of its log."""
        log = data.parent / f"{name}.log"
        with log.open("ab") as file:
            process = subprocess.Popen(
                [*TIED, str(HELIOGRAPH), "worker", "--data", str(data)],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        worker = cls(process, log)
        try:
            eventually(worker._is_working, within_s=START_TIMEOUT_S)
        except BaseException:
            worker.kill()
            raise
        return worker

    def stop(self) -> int:
        """Ask it to end (SIGTERM), wait for it, and return its exit code."""
        self.process.terminate()
        return self.ended()

    def ended(self) -> int:
        """Wait for its end, and return its exit code."""
        return self.process.wait(STOP_TIMEOUT_S)

    def kill(self) -> None:
        """End it without a chance to tidy up (SIGKILL)."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it stand still (SIGSTOP) while the block lasts."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.kill()

    def _is_working(self) -> bool:
        text = self.log.read_text()
        if self.process.poll() is not None:
            raise RuntimeError(f"the worker ended (exit {self.process.returncode}):\n{text}")
        return "working: " in text
