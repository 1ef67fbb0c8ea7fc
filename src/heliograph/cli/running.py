"""Running until a signal ends it: what `serve` and `worker` have in common."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable

from heliograph.config import Settings
from heliograph.telemetry import logs

Run = Callable[[Settings, asyncio.Event], Awaitable[None]]


def run_until_signalled(settings: Settings, run: Run, *, name: str = "") -> None:
    """Run; SIGTERM or SIGINT sets its event, a second one ends the process at once.

    name: of the process, for the log, if it is one of several that write it. Does not return: it ends the process. Raises what `run` raises.
    """
    # Only these commands need all of the server: the others start in half the time without it.
    import uvloop  # noqa: PLC0415

    logs.set_up(level=settings.log_level, form=settings.log_format, process=name)
    uvloop.run(_run(settings, run))
    # The HTTP client's threads were seen to abort while the interpreter is being torn down.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


async def _run(settings: Settings, run: Run) -> None:
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            # Broker and workers go with this process; what is not acknowledged comes back.
            os._exit(1)
        logging.getLogger(__name__).info("stopping; again to stop at once")
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    await run(settings, stopping)
