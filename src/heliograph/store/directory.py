"""The data directory: made, held by one server at a time, and the master key in it."""

import asyncio
import base64
import binascii
import fcntl
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from heliograph.model.errors import Misconfigured
from heliograph.store.sealed import MASTER_KEY_BYTES, MasterKey

_LOCK = "lock"
_CERTIFICATE = "certificate.pem"
_MASTER_KEY = "master.key"
_WAIT_FOR_THE_DEAD_S = 5.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class RunningServer:
    """What a data directory tells of the server that holds its lock."""

    pid: int
    url: str
    certificate: Path
    """The one that it shows, without its chain, if the URL is https."""


def made(data: Path) -> Path:
    """The directory's full path; it is made if it isn't there. Raises Misconfigured."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(
            f"the data directory {data} can't be made: {error.strerror}",
            "Choose another with --data DIR.",
        ) from error
    return data.resolve()


def running_server(data: Path) -> RunningServer | None:
    """The server that runs on the directory; None if there is none."""
    try:
        with (data / _LOCK).open() as file:
            if _is_free(file.fileno()):
                return None
            return RunningServer(**json.load(file), certificate=data / _CERTIFICATE)
    except (FileNotFoundError, ValueError):
        return None


@asynccontextmanager
async def locked(data: Path, url: str) -> AsyncIterator[int]:
    """Hold the directory; yields the lock's descriptor, for the broker to inherit.

    The kernel lets go of the lock when the last process that has the descriptor is gone, whatever
    ended it; so it is never stale. Raises Misconfigured if another server holds it.
    """
    descriptor = os.open(data / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        await _take(descriptor, data)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "url": url}).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def master_key(data: Path) -> MasterKey | None:
    """The master key in the directory; None if there is none yet. Raises Misconfigured."""
    path = data / _MASTER_KEY
    if not path.exists():
        return None
    try:
        key = base64.b64decode(path.read_text().strip(), validate=True)
    except (OSError, binascii.Error, UnicodeDecodeError):
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        raise Misconfigured(
            f"{path} can't be read, or is not {MASTER_KEY_BYTES} bytes in base64",
            "Put back the file as it was, or set HELIOGRAPH_MASTER_KEY.",
        )
    return MasterKey(key)


def keep_master_key(data: Path, key: MasterKey) -> None:
    """Keep the key in the directory, for all starts to come."""
    write_secret(data / _MASTER_KEY, base64.b64encode(key.value).decode() + "\n")


def note_certificate(data: Path, certificate: bytes) -> None:
    """Let commands know what the running server shows now. certificate: in PEM."""
    write_secret(data / _CERTIFICATE, certificate.decode())


def write_secret(path: Path, content: str) -> None:
    """Write a file that only its owner may read, all of it or nothing."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


async def _take(descriptor: int, data: Path) -> None:
    """Lock, waiting a little for a broker whose server has just died to be gone, too."""
    deadline = time.monotonic() + _WAIT_FOR_THE_DEAD_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            if _is_alive(holder) or time.monotonic() > deadline:
                raise Misconfigured(
                    f"another server (process {holder}) runs on the data directory {data}",
                    "Stop it first, or choose another directory with --data DIR.",
                ) from None
            await asyncio.sleep(_POLL_S)
        else:
            return


def _holder(descriptor: int) -> int:
    """The process that wrote itself into the lock; 0 if it hasn't yet."""
    try:
        return int(json.loads(os.pread(descriptor, 1024, 0))["pid"])
    except (ValueError, KeyError):
        return 0


def _is_alive(pid: int) -> bool:
    if pid == 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True
