"""Lanes: each instance and platform has a worker of its own, so that none waits for another."""

import asyncio
import logging
from asyncio import Task
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from heliograph.broker.streams import Streams
from heliograph.broker.worker import Worker
from heliograph.delivery.sender import Sender
from heliograph.model.device import Platform
from heliograph.model.errors import Unavailable
from heliograph.model.ids import InstanceId
from heliograph.store import instances
from heliograph.store.engine import Store

logger = logging.getLogger(__name__)

_LOOK_INTERVAL_S = 0.5
"""How often to look for instances that were made or deleted, by a command or another server."""
_BATCHES_AT_ONCE = 32
"""Most are small, and wait for their gateway. For large ones see sender.py."""

Lane = tuple[Platform, InstanceId]
OpenSender = Callable[[], AbstractAsyncContextManager[Sender]]
"""Makes a sender with connections of its own, which are closed at the end."""


class Lanes:
    """Runs a worker for each instance and platform there is."""

    def __init__(self, store: Store, streams: Streams, open_sender: OpenSender) -> None:
        self._store = store
        self._streams = streams
        self._open_sender = open_sender
        self._running: dict[Lane, tuple[asyncio.Event, Task[None]]] = {}

    async def run(self, stopping: asyncio.Event, *, drain: timedelta) -> None:
        """Run until `stopping` is set, then let every lane finish what it has in hand."""
        while not stopping.is_set():
            try:
                await self._match(drain)
            except Unavailable as error:
                logger.warning("%s", error)
            except Exception:
                logger.exception("instances could not be looked for, trying again")
            try:
                async with asyncio.timeout(_LOOK_INTERVAL_S):
                    await stopping.wait()
            except TimeoutError:
                continue
        await self._stop(list(self._running))

    async def _match(self, drain: timedelta) -> None:
        """Start the lanes that are missing or have failed, stop those whose instance is gone."""
        async with self._store.reading() as connection:
            there = {instance.id for instance in await instances.all_of_them(connection)}
        wanted = {(platform, instance_id) for platform in Platform for instance_id in there}
        for lane in wanted:
            if lane not in self._running or self._running[lane][1].done():
                self._running[lane] = self._start(lane, drain)
        orphaned = self._running.keys() - wanted
        await self._stop(list(orphaned))
        for platform, instance_id in orphaned:
            await self._streams.forget_batches(platform, instance_id)

    def _start(self, lane: Lane, drain: timedelta) -> tuple[asyncio.Event, Task[None]]:
        stopping = asyncio.Event()
        return stopping, asyncio.create_task(self._run_lane(*lane, stopping, drain))

    async def _run_lane(
        self,
        platform: Platform,
        instance_id: InstanceId,
        stopping: asyncio.Event,
        drain: timedelta,
    ) -> None:
        try:
            async with self._open_sender() as sender:
                worker = Worker(
                    lambda: self._streams.batches(platform, instance_id),
                    sender,
                    concurrency=_BATCHES_AT_ONCE,
                )
                await worker.run(stopping, drain=drain)
        except Exception:
            logger.exception("a lane failed, it is started again")

    async def _stop(self, lanes: list[Lane]) -> None:
        stopped = [self._running.pop(lane) for lane in lanes]
        for stopping, _ in stopped:
            stopping.set()
        if stopped:
            await asyncio.wait([task for _, task in stopped])
