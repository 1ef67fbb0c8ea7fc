"""On call: a process that delivers signs the roll, answers recalls, and keeps its fence open."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import msgspec

from heliograph.broker.roll import SIGNED_FOR, Roll
from heliograph.delivery.fence import Fence
from heliograph.delivery.in_flight import InFlight
from heliograph.model.errors import Unavailable
from heliograph.model.recall import Recalled

logger = logging.getLogger(__name__)

_SIGNED_EVERY_S = 3.0
_SIGNED_AGAIN_AFTER_S = 1.0
_OPEN_FOR = SIGNED_FOR - timedelta(seconds=2)
"""Shorter than a signature stays: two clocks may run at different speeds."""


@asynccontextmanager
async def on_call(roll: Roll, in_flight: InFlight, fence: Fence) -> AsyncIterator[None]:
    """Be on call while the block lasts. Raises Unavailable."""
    name = secrets.token_hex(8)

    async def answer(message: bytes) -> None:
        await in_flight.recall(msgspec.json.decode(message, type=Recalled))

    async with roll.answering(name, answer):
        stopping = asyncio.Event()
        signing = asyncio.create_task(_keep_signing(roll, name, in_flight, fence, stopping))
        try:
            yield
        finally:
            # Not cancelled: nats-py may take that for a lost connection, and it would go on.
            stopping.set()
            await asyncio.wait({signing})
            await roll.leave(name)


async def _keep_signing(
    roll: Roll, name: str, in_flight: InFlight, fence: Fence, stopping: asyncio.Event
) -> None:
    is_away = False
    while not stopping.is_set():
        # Before it is sent: the signature stays for its time from when it arrived.
        signed_at = time.monotonic()
        try:
            await roll.sign(name)
        except Unavailable as error:
            if not is_away:
                logger.warning("until the roll can be signed nothing is sent: %s", error)
            is_away = True
            await _pause(stopping, _SIGNED_AGAIN_AFTER_S)
            continue
        if not fence.is_open():
            # Who asked meanwhile for all that send has not found this process.
            await in_flight.let_go()
        fence.open_until(signed_at + _OPEN_FOR.total_seconds())
        is_away = False
        await _pause(stopping, _SIGNED_EVERY_S)


async def _pause(stopping: asyncio.Event, longest_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(longest_s):
            await stopping.wait()
