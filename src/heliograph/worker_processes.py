"""Worker processes beside the API: started, told what they need, and replaced when they die.

Settings hold passwords. So they reach a process by its standard input, which nobody else can read,
and not by its command line. On its standard output it says that it works. It dies with its parent
(see broker/child.py).
"""

import asyncio
import logging
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from heliograph.broker.address import BrokerAddress
from heliograph.broker.child import tied
from heliograph.broker.embedded import Place
from heliograph.config import Settings
from heliograph.model.errors import Unavailable
from heliograph.telemetry import declared
from heliograph.telemetry.exposition import Families, family_of
from heliograph.telemetry.reporting import Asked

logger = logging.getLogger(__name__)

_PROGRAM = "heliograph.cli.worker_process"
"""What a process runs. It stands above this module, as all that is built and started."""

_WORKING = b"working\n"
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
"""Before a process is started again: doubling, until one has lived for so long."""
_END_TIMEOUT = timedelta(seconds=10)
"""How long the end of a process may take after its work in hand is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a worker process is told. broker: a cluster, or the one that the server has embedded.

    figures: the inherited socket over which it is asked what it has counted; None: it counts not.
    """

    number: int = 0
    settings: Settings
    broker: BrokerAddress | Place
    figures: int | None = None


def received_orders() -> Orders:
    """In a worker process: what it was told."""
    orders: Orders = pickle.load(sys.stdin.buffer)  # noqa: S301  # from our own parent
    return orders


def process_name(number: int) -> str:
    """How the figures and traces of a worker process are told from those of others."""
    return f"worker-{number}"


def say_that_it_works() -> None:
    """In a worker process: let the server know."""
    sys.stdout.buffer.write(_WORKING)
    sys.stdout.buffer.flush()


@asynccontextmanager
async def worker_processes(orders: Orders) -> AsyncIterator["WorkerProcesses"]:
    """Run as many as the settings say; they finish what they have in hand when this closes."""
    processes = [_WorkerProcess(n + 1, orders) for n in range(orders.settings.workers)]
    kept = [asyncio.create_task(process.keep()) for process in processes]
    try:
        yield WorkerProcesses(processes)
    finally:
        for task in kept:
            task.cancel()
        await asyncio.wait(kept)


class WorkerProcesses:
    """All of them; none, if the server itself works."""

    def __init__(self, processes: Sequence["_WorkerProcess"]) -> None:
        self._processes = processes

    def check(self) -> None:
        """Raises Unavailable while there are some, and none of them works."""
        if self._processes and not any(process.is_working for process in self._processes):
            raise Unavailable("worker")

    async def figures(self) -> Families:
        """What they have counted, as far as they tell."""
        async with asyncio.TaskGroup() as asking:
            told = [asking.create_task(process.figures()) for process in self._processes]
        return [family for one in told for family in one.result()]


class _WorkerProcess:
    """One of them, and those that take its place."""

    def __init__(self, number: int, orders: Orders) -> None:
        self.is_working = False
        self._number = number
        self._orders = replace(orders, number=number)
        self._asked: Asked | None = None

    async def keep(self) -> None:
        """Run it, and another whenever it has died, until cancelled; then let it finish."""
        clock, pause_s = asyncio.get_running_loop().time, _FIRST_PAUSE_S
        while True:
            began = clock()
            end = await self._run()
            if clock() - began > _LONGEST_PAUSE_S:
                pause_s = _FIRST_PAUSE_S
            logger.error("worker %d %s, another in %g s", self._number, end, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def figures(self) -> Families:
        told = None if self._asked is None else await self._asked.figures()
        name = process_name(self._number)
        up = family_of(declared.PROCESS_UP, {"": told is not None}, process=name)
        return [up, *(told or ())]

    async def _run(self) -> str:
        """Run one process until its end, and say what that was."""
        with self._reachable() as orders:
            return await self._run_with(orders)

    @contextmanager
    def _reachable(self) -> Iterator[Orders]:
        """Orders that let it be asked what it has counted, if anybody wants to know."""
        if self._orders.settings.metrics is None:
            yield self._orders
            return
        self._asked = asked = Asked()
        try:
            yield replace(self._orders, figures=asked.theirs.fileno())
        finally:
            self._asked = None
            asked.close()

    async def _run_with(self, orders: Orders) -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                *tied(sys.executable, "-P", "-m", _PROGRAM, str(self._number)),
                stdin=PIPE,
                stdout=PIPE,
                pass_fds=[] if orders.figures is None else [orders.figures],
                # Ctrl-C in a terminal is for the server, which ends its workers when it is time.
                start_new_session=True,
            )
        except OSError as error:
            return f"can't be started ({error})"
        try:
            await self._tell(process, orders)
            if process.stdout is not None:
                self.is_working = await process.stdout.readline() == _WORKING
            code = await process.wait()
        finally:
            self.is_working = False
            await _end(process, self._orders.settings.drain)
        return f"(process {process.pid}) ended with exit code {code}"

    async def _tell(self, process: Process, orders: Orders) -> None:
        if process.stdin is not None:
            # One that ends before it has read all is seen as any that ends.
            with suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(pickle.dumps(orders))
                await process.stdin.drain()
            process.stdin.close()


async def _end(process: Process, drain: timedelta) -> None:
    """Let it finish what it has in hand, and end it, unless it has ended."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout((drain + _END_TIMEOUT).total_seconds()):
            await process.wait()
    except TimeoutError:
        logger.warning("process %d does not end, it is killed", process.pid)
        process.kill()
        await process.wait()
