"""A load generator: requests that were made beforehand, over connections that stay open.

In Python, on uvloop, on a core of its own. It says how much of that core it needed: near 1, it
would be the limit, and not the server.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bench.fanout.lanes import percentiles

_OK = b"HTTP/1.1 200"
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Load(msgspec.Struct, kw_only=True):
    """What came of the requests. …_busy: the share of a core that each side needed."""

    requests: int
    refused: int
    per_s: float
    latency: dict[str, float]
    generator_busy: float
    server_busy: float = 0


@dataclass(frozen=True, slots=True)
class Request:
    """A request of HTTP/1.1, ready to be sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    def encoded(self) -> bytes:
        given = {**self.headers, "Host": "127.0.0.1", "Content-Length": str(len(self.body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{head}\r\n".encode() + self.body


async def load(address: tuple[str, int], requests: Sequence[Request], *, connections: int) -> Load:
    """Send all requests, as fast as so many connections get their answers."""
    left = iter([request.encoded() for request in requests])
    loop = asyncio.get_running_loop()
    workers = []
    for _ in range(connections):
        _, worker = await loop.create_connection(lambda: _Connection(left), *address)
        workers.append(worker)
    cpu_s, began_at = time.process_time(), time.monotonic()
    for worker in workers:
        worker.send_next()
    for worker in workers:
        await worker.done
    elapsed_s = time.monotonic() - began_at
    waited = [one for worker in workers for one in worker.waited_ms]
    return Load(
        requests=len(requests),
        refused=sum(worker.refused for worker in workers),
        per_s=round(len(requests) / elapsed_s),
        latency=percentiles(waited),
        generator_busy=round((time.process_time() - cpu_s) / elapsed_s, 2),
    )


class _Connection(asyncio.Protocol):
    """One connection: one request, its answer, the next."""

    def __init__(self, left: Iterator[bytes]) -> None:
        self._left = left
        self._received = b""
        self._sent_at = 0.0
        self.waited_ms: list[float] = []
        self.refused = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send_next(self) -> None:
        request = next(self._left, None)
        if request is None:
            self._transport.close()
            self.done.set_result(None)
            return
        self._sent_at = time.monotonic()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(_END_OF_HEAD)
        if not end or len(body) < _length(head):
            return
        self.waited_ms.append((time.monotonic() - self._sent_at) * 1000)
        self.refused += not head.startswith(_OK)
        self._received = b""
        self.send_next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionResetError("the server hung up"))


def _length(head: bytes) -> int:
    """What Content-Length says; 0 without it, which Heliograph's answers never are."""
    _, found, behind = head.lower().partition(_LENGTH)
    return int(behind.partition(b"\r\n")[0]) if found else 0
