"""Devices from a file and into one, in constant memory, also beside a running server.

An import goes on where it was cut off, at whatever moment: how far it has come is stored in the
transaction with the devices themselves. To begin again would be safe, since a device that is there
is not made twice; but it would bring back devices that were stopped in between.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.errors import HeliographError, Invalid
from heliograph.model.ids import InstanceId
from heliograph.model.limits import MAX_DEVICE_BODY_BYTES
from heliograph.model.transfer import (
    DeviceLine,
    Progress,
    counted,
    line_of,
    mendable,
    parse_line,
)
from heliograph.store import devices, imports, interests
from heliograph.store.engine import Store
from heliograph.store.intake import Intake

_MAX_LINES_TOGETHER = 250
"""In a transaction: some 60 ms, in which the server can't write. 1000 are a quarter faster, and
180 ms."""
_MAX_BYTES_TOGETHER = MAX_DEVICE_BODY_BYTES
_DEVICES_A_PAGE = 100
"""With 5000 interests each they are 80 MB."""
_READ_BYTES = 1024 * 1024

Advanced = Callable[[int], object]
"""Is told how much further it is: bytes of an import, devices of an export."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file: its number from 1, and its content, cut off where it is too long."""

    number: int
    content: bytes


class DeviceFile:
    """A file of devices that is read from its beginning to its end, once.

    path: what the file is known by when it is read another time; None if it can't be.
    """

    def __init__(self, file: BinaryIO, path: str | None) -> None:
        self.path = path
        self._file = file
        self._digest = hashlib.sha256()
        self.offset_bytes = 0
        self.lines = 0

    @property
    def size_bytes(self) -> int | None:
        """None if that is not known before the end."""
        return None if self.path is None else os.fstat(self._file.fileno()).st_size

    @property
    def digest(self) -> bytes:
        """SHA-256 of what was read."""
        return self._digest.digest()

    def go_on(self, progress: Progress) -> bool:
        """Skip what an earlier import has read; False, without a skip, if that has changed."""
        while self.offset_bytes < progress.offset_bytes:
            missing = progress.offset_bytes - self.offset_bytes
            if not self._noted(self._file.read(min(missing, _READ_BYTES))):
                break
        if self.digest == progress.digest:
            self.lines = progress.lines
            return True
        self._file.seek(0)
        self._digest, self.offset_bytes = hashlib.sha256(), 0
        return False

    def next_lines(self) -> Sequence[Line]:
        """Some more lines, without empty ones; none at the end of the file."""
        together: list[Line] = []
        size_bytes = 0
        while len(together) < _MAX_LINES_TOGETHER and size_bytes < _MAX_BYTES_TOGETHER:
            content = self._next_line()
            if not content:
                break
            self.lines += 1
            if content := content.strip():
                together.append(Line(self.lines, content))
                size_bytes += len(content)
        return together

    def _next_line(self) -> bytes:
        line = part = self._noted(self._file.readline(MAX_DEVICE_BODY_BYTES + 1))
        while part and not part.endswith(b"\n"):
            part = self._noted(self._file.readline(_READ_BYTES))
        return line

    def _noted(self, read: bytes) -> bytes:
        self._digest.update(read)
        self.offset_bytes += len(read)
        return read


class RefusedLines:
    """The file that refused lines are written to, each with its reason, to be mended."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def cut(self, size_bytes: int) -> None:
        """Keep what an earlier import wrote for sure; what it wrote last comes again."""
        self._file.truncate(min(size_bytes, self._file.seek(0, os.SEEK_END)))
        self._file.seek(0, os.SEEK_END)

    def write(self, lines: Sequence[bytes]) -> int:
        """Add lines, which are on disk afterwards; the size of the file then."""
        if lines:
            self._file.write(b"".join(line + b"\n" for line in lines))
            self._file.flush()
            os.fsync(self._file.fileno())
        return self._file.tell()


async def bring_in(
    store: Store,
    instance_id: InstanceId,
    file: DeviceFile,
    refused: RefusedLines | None,
    *,
    now: Callable[[], datetime],
    advanced: Advanced,
) -> Progress:
    """Import the file's devices; what became of its lines, also in runs that were cut off.

    Raises NotFound if the instance is gone, Unavailable.
    """
    progress = await _begun(store, instance_id, file)
    if refused is not None:
        refused.cut(progress.refused_bytes)
    advanced(progress.offset_bytes)
    is_surveyed = False
    while lines := file.next_lines():
        before, parsed = progress, [(line, _parsed(line)) for line in lines]
        async with store.writing() as tx:
            errors = await _take_in(tx, instance_id, parsed, now=now())
            progress = _after(before, file, lines, errors, refused)
            if file.path is not None:
                await imports.put(tx, instance_id, file.path, progress)
        if not is_surveyed:
            await store.survey()
            is_surveyed = True
        advanced(progress.offset_bytes - before.offset_bytes)
    await store.survey()
    if file.path is not None:
        async with store.writing() as tx:
            await imports.forget(tx, instance_id, file.path)
    return progress


async def write_out(
    store: Store, instance_id: InstanceId, file: BinaryIO, *, advanced: Advanced
) -> int:
    """Write all devices of the instance, in the order of their ids; how many they were.

    One that comes, goes or changes meanwhile is in the file as it was before or after.
    """
    after, written = "", 0
    while True:
        async with store.reading() as connection:
            page = await devices.page(connection, instance_id, after=after, limit=_DEVICES_A_PAGE)
            ids = [device.id for device in page]
            subscribed = await interests.of_devices(connection, instance_id, ids)
        if not page:
            return written
        lines = (line_of(device, subscribed[device.id]) + b"\n" for device in page)
        file.write(b"".join(lines))
        after, written = page[-1].id, written + len(page)
        advanced(len(page))


async def _begun(store: Store, instance_id: InstanceId, file: DeviceFile) -> Progress:
    """How far an import of the file that was cut off has come; else the beginning."""
    if file.path is None:
        return Progress()
    async with store.reading() as connection:
        progress = await imports.find(connection, instance_id, file.path)
    return progress if progress is not None and file.go_on(progress) else Progress()


def _parsed(line: Line) -> DeviceLine | HeliographError:
    try:
        return parse_line(line.content)
    except HeliographError as error:
        return error


async def _take_in(
    tx: AsyncConnection,
    instance_id: InstanceId,
    parsed: Sequence[tuple[Line, DeviceLine | HeliographError]],
    *,
    now: datetime,
) -> list[tuple[Line, HeliographError]]:
    """The lines that are refused, and why; the others' devices are as the lines have them."""
    good = [said for _, said in parsed if isinstance(said, DeviceLine)]
    intake = await Intake.look_up(tx, instance_id, good)
    refused: list[tuple[Line, HeliographError]] = []
    for line, said in parsed:
        if isinstance(said, HeliographError):
            refused.append((line, said))
            continue
        try:
            intake.take(said, now=now)
        except Invalid as error:
            refused.append((line, error))
    await intake.write()
    return refused


def _after(
    before: Progress,
    file: DeviceFile,
    lines: Sequence[Line],
    errors: Sequence[tuple[Line, HeliographError]],
    refused: RefusedLines | None,
) -> Progress:
    counts = before.refused
    for line, error in errors:
        counts = counted(counts, line.number, error)
    size_bytes = before.refused_bytes
    if refused is not None:
        size_bytes = refused.write(
            [mendable(line.content, line.number, error) for line, error in errors]
        )
    return msgspec.structs.replace(
        before,
        offset_bytes=file.offset_bytes,
        digest=file.digest,
        lines=file.lines,
        imported=before.imported + len(lines) - len(errors),
        refused=counts,
        refused_bytes=size_bytes,
    )
