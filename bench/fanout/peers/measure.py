"""What the Python peers share: a job from stdin, a hundred messages in flight, figures to stdout.

It imports nothing besides Python itself, since peers have an environment of their own.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Send = Callable[[Any], Awaitable[bool]]
"""Sends to a push token; whether it was taken."""
WARM_UP = 200
"""Messages before the clock starts: connections are open, what is compiled late is compiled."""


class Job:
    """What the bench asks for: `jobs.py` has the members."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = json.load(sys.stdin)
        lines = Path(self.asked["devices"]).read_text().splitlines()
        self.push_tokens = [json.loads(line)["token"] for line in lines][: self.asked["count"]]

    def __getitem__(self, name: str) -> Any:
        return self.asked[name]

    def file(self, name: str) -> bytes:
        """What the file of this name holds."""
        return Path(self.asked[name]).read_bytes()


class Figures:
    """What came of it. `taking` is the time that counts."""

    def __init__(self) -> None:
        self._figures: dict[str, float] = {"sent": 0, "failed": 0}

    def count(self, *, sent: int, failed: int) -> None:
        self._figures["sent"] += sent
        self._figures["failed"] += failed

    @contextmanager
    def taking(self) -> Iterator[None]:
        cpu_s, began_at = _cpu_s(), time.monotonic()
        yield
        self._figures["wall_s"] = time.monotonic() - began_at
        self._figures["cpu_s"] = _cpu_s() - cpu_s

    def tell(self) -> None:
        peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._figures["peak_memory_mb"] = round(peak_kb / 1024, 1)
        print(json.dumps(self._figures))


async def measure(job: Job, send: Send) -> None:
    """Send to all devices of the job, a hundred at a time, and tell the figures."""
    warm_up = Figures()
    await _send_all(job.push_tokens[:WARM_UP], send, job["in_flight"], warm_up)
    figures = Figures()
    with figures.taking():
        await _send_all(job.push_tokens, send, job["in_flight"], figures)
    figures.tell()


async def _send_all(
    push_tokens: Iterable[Any], send: Send, in_flight: int, figures: Figures
) -> None:
    left = iter(push_tokens)

    async def work() -> None:
        for push_token in left:
            taken = await send(push_token)
            figures.count(sent=taken, failed=not taken)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(work())


def _cpu_s() -> float:
    """Of all threads of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
