"""A clock that a test sets, for a server that is started with it: libfaketime, from Debian.

    clock = Clock.made(directory)
    with Server.start(data, environment={**environment, **clock.environment}):
        clock.set_off(timedelta(hours=3), server)

What counts the seconds that pass (CLOCK_MONOTONIC) goes on as ever, as on a machine whose clock is
set. nats-server is not linked to the C library: it keeps the true time.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Self

from tests.server import Server
from tests.waiting import eventually

NEAR = timedelta(minutes=1)


class NotInstalled(Exception):
    """There is no libfaketime on this machine."""


class Clock:
    """A clock that goes right until it is set. environment: for who is to go by it."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self._write(timedelta())
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    @classmethod
    def made(cls, directory: Path) -> Self:
        """Make a clock. directory: for its file. Raises NotInstalled."""
        found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not found:
            raise NotInstalled("libfaketime is not installed: apt-get install libfaketime")
        return cls(found[0], directory / "clock")

    def set_off(self, by: timedelta, server: Server) -> None:
        """Set it so far from the true time, which it has shown at first; wait for the server."""
        self._write(by)
        eventually(lambda: abs(_time_of(server) - datetime.now(UTC) - by) < NEAR)

    def _write(self, by: timedelta) -> None:
        ready = self._file.with_suffix(".new")
        ready.write_text(f"{by.total_seconds():+.0f}\n")
        # Whoever asks for the time reads one or the other.
        ready.replace(self._file)


def _time_of(server: Server) -> datetime:
    """What time the server says it is, in each answer."""
    return parsedate_to_datetime(server.client.request("GET", "/health").headers["date"])
