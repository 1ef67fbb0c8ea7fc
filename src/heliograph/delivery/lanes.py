"""Lanes: each instance has workers of its own for each kind of work: none waits for another.

For fan-out these are one for publishes to users, one for those to interests and one for the shards
of large ones; for delivery, one for either kind on each platform; for webhooks, one.
"""

import asyncio
import logging
from asyncio import Task, TaskGroup
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol

from heliograph.broker.streams import Streams
from heliograph.model.errors import Unavailable
from heliograph.model.ids import InstanceId
from heliograph.store import instances
from heliograph.store.engine import Store

logger = logging.getLogger(__name__)

_LOOK_INTERVAL_S = 0.5
"""How often to look for instances that were made or deleted, by a command or another server."""


class Worker(Protocol):
    """Works on one kind of work."""

    async def run(self, stopping: asyncio.Event, *, drain: timedelta) -> None:
        """Work until `stopping` is set, then finish what is in hand, at most for `drain`."""
        ...


OpenWorkers = Callable[[InstanceId], AbstractAsyncContextManager[Sequence[Worker]]]
"""Makes the workers of a lane, with what they share, which is closed at the end."""
_Lane = tuple[str, InstanceId]


class Lanes:
    """Runs each kind of workers for each instance there is."""

    def __init__(self, store: Store, streams: Streams, kinds: Mapping[str, OpenWorkers]) -> None:
        self._store = store
        self._streams = streams
        self._kinds = kinds
        self._running: dict[_Lane, tuple[asyncio.Event, Task[None]]] = {}
        self._deleted = set[InstanceId]()

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
        there = {one.id for one in await self._store.read(instances.all_of_them)}
        wanted = {(kind, instance_id) for kind in self._kinds for instance_id in there}
        for lane in wanted:
            if lane not in self._running or self._running[lane][1].done():
                self._running[lane] = self._start(lane, drain)
        orphaned = self._running.keys() - wanted
        await self._stop(list(orphaned))
        self._deleted |= {instance_id for _, instance_id in orphaned}
        for instance_id in list(self._deleted):
            await self._streams.forget(instance_id)
            self._deleted.discard(instance_id)

    def _start(self, lane: _Lane, drain: timedelta) -> tuple[asyncio.Event, Task[None]]:
        stopping = asyncio.Event()
        return stopping, asyncio.create_task(self._run_lane(lane, stopping, drain))

    async def _run_lane(self, lane: _Lane, stopping: asyncio.Event, drain: timedelta) -> None:
        kind, instance_id = lane
        try:
            async with self._kinds[kind](instance_id) as workers, TaskGroup() as group:
                for worker in workers:
                    group.create_task(worker.run(stopping, drain=drain))
        except Exception:
            logger.exception("a lane failed, it is started again")

    async def _stop(self, lanes: list[_Lane]) -> None:
        stopped = [self._running.pop(lane) for lane in lanes]
        for stopping, _ in stopped:
            stopping.set()
        if stopped:
            await asyncio.wait([task for _, task in stopped])
