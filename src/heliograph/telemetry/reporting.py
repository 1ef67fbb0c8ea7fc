"""Figures of a worker process, asked for by the server that started it, over a pair of sockets."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

import msgspec

from heliograph.telemetry.exposition import Families, Family

_TIMEOUT_S = 2.0
_QUESTION = b"?"
_LENGTH = struct.Struct("!I")
"""How many bytes of an answer follow."""


class Asked:
    """The end that asks: one for each process. theirs: what that process must inherit."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._answer: asyncio.Task[Families | None] | None = None

    async def figures(self) -> Families | None:
        """What the process has counted; None if it does not tell in time, or is gone.

        One that does not answer is not asked again before it has.
        """
        if self._answer is None or self._answer.done():
            self._answer = asyncio.create_task(self._ask())
        await asyncio.wait({self._answer}, timeout=_TIMEOUT_S)
        return self._answer.result() if self._answer.done() else None

    def close(self) -> None:
        self.theirs.close()
        if self._streams is None:
            self._ours.close()
        else:
            # Who waits for an answer sees the end.
            self._streams[1].close()

    async def _ask(self) -> Families | None:
        try:
            if self._streams is None:
                self._streams = await asyncio.open_unix_connection(sock=self._ours)
            reader, writer = self._streams
            writer.write(_QUESTION)
            [length] = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            return msgspec.msgpack.decode(await reader.readexactly(length), type=list[Family])
        except (OSError, EOFError):
            return None


async def answer(descriptor: int, figures: Callable[[], Families]) -> None:
    """Answer all that is asked over the inherited socket, until nobody is there to ask."""
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=descriptor))
    with suppress(OSError, EOFError):
        while await reader.readexactly(len(_QUESTION)):
            body = msgspec.msgpack.encode(figures())
            writer.write(_LENGTH.pack(len(body)) + body)
            await writer.drain()
