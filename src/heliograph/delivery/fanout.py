"""Fan-out: who a publish is for, page by page, as batches on the DELIVER streams.

Each page is noted in the store before its batch is put on the stream. A fan-out that was cut off
puts the last noted page again (which changes nothing if it got there) and goes on behind it. So no
target is left out, and none is in two batches.

What the first pages of a publish to interests leave over is handed to a stream of shards, where
sharding.py goes on. A publish to users is small and goes on where it is.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.broker.worker import Done, Outcome
from heliograph.delivery import told
from heliograph.delivery.sharding import PAGE_TARGETS, Pages, Sharding, ShardStream
from heliograph.model.batch import Target
from heliograph.model.device import Platform
from heliograph.model.live import Tell
from heliograph.model.publish import AudienceKind, Publish, kind_of
from heliograph.model.shard import Shard
from heliograph.store import publishes, shards, targets
from heliograph.store.engine import Store

_First = tuple[Shard, list[Target]]
"""A shard as it is with its first page, and that page."""


class FanOut:
    """Turns publishes into batches, and large ones into shards."""

    def __init__(
        self, store: Store, stream: ShardStream, now: Callable[[], datetime], tell: Tell
    ) -> None:
        self._store = store
        self._stream = stream
        self._pages = Pages(store, stream)
        self._sharding = Sharding(store, stream, now, tell)
        self._now = now
        self._tell = tell

    async def __call__(self, message: bytes) -> Outcome:
        """Fan out one message of the PUBLISH stream: all of it, or what is left of it."""
        publish = msgspec.json.decode(message, type=Publish)
        begun, firsts = await self._known_or_first(publish)
        if not begun:
            begun = await self._begin(publish, firsts)
            if begun:
                return await self._go_on(publish, begun)
            begun, _ = await self._known_or_first(publish)
        for shard in begun:
            await self._pages.put_last_again(publish, shard)
        return await self._go_on(publish, begun)

    async def _known_or_first(self, publish: Publish) -> tuple[list[Shard], list[_First]]:
        """What is noted of the publish; if nothing is, the first page of each platform."""

        async def work(tx: AsyncConnection) -> tuple[list[Shard], list[_First]]:
            known = await shards.of_publish(tx, publish.instance_id, publish.id)
            if known:
                return known, []
            firsts = []
            for platform in publish.payloads:
                start = Shard(platform=Platform(platform), number=0)
                page = await targets.page_of(tx, publish, start, limit=PAGE_TARGETS)
                firsts.append((self._pages.behind(start, page), page))
            return [], firsts

        return await self._store.read(work)

    async def _begin(self, publish: Publish, firsts: list[_First]) -> list[Shard]:
        """Note the publish with the first page of each platform, and put those on their way.

        Nothing is done if another worker has begun, or the instance was deleted meanwhile.
        """
        noted = [self._pages.range_of(shard, page) for shard, page in firsts if page]
        begun = [shard for shard, _ in firsts]
        now = self._now()
        if not await self._store.write(
            lambda tx: publishes.begin(tx, publish, begun, noted, now=now)
        ):
            return []
        finished = all(shard.is_finished for shard in begun)
        self._tell(publish.instance_id, lambda: told.fanned_out(publish, begun, finished=finished))
        for shard, page in firsts:
            if page:
                await self._pages.put(publish, shard, page)
        return begun

    async def _go_on(self, publish: Publish, known: list[Shard]) -> Outcome:
        for shard in known:
            if shard.done:
                continue
            if kind_of(publish.audience) is AudienceKind.INTERESTS:
                await self._stream.put_shard(publish, shard)
                continue
            outcome = await self._sharding.turn(publish, shard)
            if not isinstance(outcome, Done):
                return outcome
        return Done()
