"""What is done beside the work for insights: devices are counted, old hours folded and forgotten.

It may be done by any number of servers at once: what one has counted, another does not count again.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial

from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId
from heliograph.model.insights import DeviceCount, day_of
from heliograph.repeated import repeated
from heliograph.store import device_counts, insights, instances
from heliograph.store.engine import Store

_LOOK_INTERVAL = timedelta(minutes=1)
_TIDY_INTERVAL = timedelta(hours=1)
_ACTIVE_FOR = timedelta(days=30)
_PAGE_DEVICES = 5000
"""Counted in some milliseconds."""
_IDLE_SHARE = 100
"""Of a hundred seconds at most one goes into counting: a small instance's devices are counted every
minute, those of a large one when it has waited a hundred times as long as it took."""


class Upkeep:
    """Keeps insights current and small. retention: how long they are kept."""

    def __init__(self, store: Store, retention: timedelta, now: Callable[[], datetime]) -> None:
        self._store = store
        self._retention = retention
        self._now = now

    async def count_devices(self) -> None:
        """Count the devices of each instance whose count is due. Raises Unavailable."""
        there = await self._instances()
        for instance_id in there:
            if await self._is_due(instance_id, shared_by=len(there)):
                counts = await self._count(instance_id)
                await self._store.write(
                    partial(device_counts.put, instance_id=instance_id, counts=counts)
                )

    async def tidy_up(self) -> None:
        """Fold hours that are over, and forget those that are too old. Raises Unavailable."""
        now = self._now()
        before = now - self._retention
        for instance_id in await self._instances():
            while await self._store.write(
                partial(insights.prune, instance_id=instance_id, before=before)
            ):
                pass
            while await self._store.write(partial(insights.fold, instance_id=instance_id, now=now)):
                pass
            await self._store.write(
                partial(device_counts.prune, instance_id=instance_id, before=before)
            )

    async def _instances(self) -> list[InstanceId]:
        async with self._store.reading() as connection:
            return [one.id for one in await instances.all_of_them(connection)]

    async def _is_due(self, instance_id: InstanceId, *, shared_by: int) -> bool:
        now = self._now()
        async with self._store.reading() as connection:
            known = await device_counts.newest(connection, instance_id, before=now)
        if not known:
            return True
        wait = max(_LOOK_INTERVAL, known[0].took * _IDLE_SHARE * shared_by)
        # Counted in the future, the clock was set back since.
        return not timedelta() <= now - known[0].counted_at < wait

    async def _count(self, instance_id: InstanceId) -> list[DeviceCount]:
        began = time.monotonic()
        subscribers, active = Counter[Platform](), Counter[Platform]()
        seen_since = day_of(self._now()) - _ACTIVE_FOR
        after: str | None = ""
        while after is not None:
            async with self._store.reading() as connection:
                page = await device_counts.page(
                    connection,
                    instance_id,
                    after=after,
                    limit=_PAGE_DEVICES,
                    seen_since=seen_since,
                )
            subscribers += page.subscribers
            active += page.active
            after = page.last
        took, counted_at = timedelta(seconds=time.monotonic() - began), self._now()
        return [
            DeviceCount(
                platform=platform,
                subscribers=subscribers[platform],
                active=active[platform],
                counted_at=counted_at,
                took=took,
            )
            for platform in Platform
        ]


@asynccontextmanager
async def kept_up(upkeep: Upkeep) -> AsyncIterator[None]:
    """Count every minute, and tidy up every hour, while the block runs."""
    async with (
        repeated(upkeep.count_devices, _LOOK_INTERVAL, about="counting devices"),
        repeated(upkeep.tidy_up, _TIDY_INTERVAL, about="tidying up insights"),
    ):
        yield
