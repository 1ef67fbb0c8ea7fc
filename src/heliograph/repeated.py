"""Work that is done again and again beside all else, until the server stops."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from heliograph.model.errors import Unavailable

logger = logging.getLogger(__name__)


@asynccontextmanager
async def repeated(
    work: Callable[[], Awaitable[None]], interval: timedelta, *, about: str
) -> AsyncIterator[None]:
    """Do the work at once and then every `interval`, while the block runs; it has ended after it.

    about: what it is, for the log. What took long, as there is much to do, waits as long again.
    """
    stopping = asyncio.Event()
    working = asyncio.create_task(_until(stopping, work, interval, about))
    try:
        yield
    finally:
        # Both: a driver may take a cancellation for a lost connection; the loop sees the event.
        stopping.set()
        working.cancel()
        await asyncio.wait({working})


async def _until(
    stopping: asyncio.Event, work: Callable[[], Awaitable[None]], interval: timedelta, about: str
) -> None:
    while not stopping.is_set():
        began = time.monotonic()
        try:
            await work()
        except Unavailable as error:
            if not stopping.is_set():
                logger.warning("%s", error)
        except Exception:
            logger.exception("%s failed, it is tried again", about)
        took = timedelta(seconds=time.monotonic() - began)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(interval, took).total_seconds()):
                await stopping.wait()
