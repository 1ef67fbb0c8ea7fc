"""Shards: parts of a large publish, fanned out side by side, each by one worker at a time.

A shard has its turn for a few pages, then others have theirs. It runs ahead of the gateways by a
few batches only: so the streams stay small, however large the publish, and what is paused or
cancelled stops there.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.broker.worker import Done, Later, Lost, Outcome
from heliograph.delivery import told
from heliograph.model.batch import Batch, Target
from heliograph.model.limits import MAX_BATCH_TARGETS, PAUSED_LOOK_INTERVAL
from heliograph.model.live import Tell
from heliograph.model.publish import AudienceKind, Publish, PublishState, kind_of
from heliograph.model.shard import Shard, ShardMessage, split
from heliograph.store import batches, publishes, shards, targets
from heliograph.store.batches import Range
from heliograph.store.engine import Store
from heliograph.store.targets import position_of

PAGE_TARGETS = MAX_BATCH_TARGETS
_PAGES_A_TURN = 16
_PARTS = 16
"""What the first turn leaves over is split into so many shards."""
_MAX_UNDER_WAY = 32
"""Batches of a shard that may wait for a gateway, or be with it."""
_LOOK_AGAIN = timedelta(seconds=0.2)
_NEXT_TURN = timedelta()


class ShardStream(Protocol):
    """Where batches and shards go."""

    async def put_batch(self, batch: Batch) -> None: ...

    async def put_shard(self, publish: Publish, shard: Shard) -> None: ...


class Pages:
    """Reads the pages of a shard, and puts them on their way as batches."""

    def __init__(self, store: Store, stream: ShardStream) -> None:
        self._store = store
        self._stream = stream

    async def read(self, publish: Publish, shard: Shard) -> list[Target]:
        """The next page; less than a full one is the last."""
        return await self._store.read(
            lambda tx: targets.page_of(tx, publish, shard, limit=PAGE_TARGETS)
        )

    def behind(self, shard: Shard, page: list[Target]) -> Shard:
        """The shard when the page is noted."""
        return msgspec.structs.replace(
            shard,
            position=position_of(page[-1]) if page else shard.position,
            targets=shard.targets + len(page),
            batches=shard.batches + bool(page),
            done=len(page) < PAGE_TARGETS,
        )

    def range_of(self, shard: Shard, page: list[Target]) -> Range:
        """The page as the newest batch of the shard."""
        return Range(
            platform=shard.platform,
            shard=shard.number,
            number=shard.batches,
            first=position_of(page[0]),
            last=position_of(page[-1]),
        )

    async def put(self, publish: Publish, shard: Shard, page: list[Target]) -> None:
        """Put the page on the stream as the newest batch of the shard. Raises Unavailable."""
        await self._stream.put_batch(
            Batch(
                publish_id=publish.id,
                instance_id=publish.instance_id,
                audience=kind_of(publish.audience),
                platform=shard.platform,
                shard=shard.number,
                number=shard.batches,
                accepted_at=publish.accepted_at,
                payload=publish.payloads[shard.platform],
                targets=page,
            )
        )

    async def put_last_again(self, publish: Publish, shard: Shard) -> None:
        """Put the newest batch on the stream, in case it did not get there. Raises Unavailable."""
        key = publish.instance_id, publish.id

        async def last_page(tx: AsyncConnection) -> list[Target] | None:
            noted = await batches.last_unsettled(tx, *key, shard)
            return None if noted is None else await targets.page_again(tx, publish, noted)

        page = await self._store.read(last_page)
        if page is not None:
            await self.put(publish, shard, page)


class Sharding:
    """Fans out shards, turn by turn."""

    def __init__(
        self, store: Store, stream: ShardStream, now: Callable[[], datetime], tell: Tell
    ) -> None:
        self._store = store
        self._stream = stream
        self._pages = Pages(store, stream)
        self._now = now
        self._tell = tell

    async def __call__(self, message: bytes) -> Outcome:
        """Give a message of the SHARDS stream its turn."""
        known = msgspec.json.decode(message, type=ShardMessage)
        publish = known.publish
        key = publish.instance_id, publish.id, known.platform, known.number
        shard = await self._store.read(lambda tx: shards.find(tx, *key))
        if shard is None:
            return Done()
        if shard.under_way >= _MAX_UNDER_WAY and not shard.done:
            # It only looks whether there is room yet. The last batch may be missing on the stream,
            # but not all that are under way: it is put when one of them is settled.
            return Later(_LOOK_AGAIN)
        await self._put_others_again(publish, shard)
        await self._pages.put_last_again(publish, shard)
        return Done() if shard.done else await self.turn(publish, shard)

    async def turn(self, publish: Publish, shard: Shard) -> Outcome:
        """Note and send the next few pages of a shard. Done when there are no more."""
        key = publish.instance_id, publish.id
        state = await self._store.read(lambda tx: publishes.state_of(tx, *key))
        if state is PublishState.PAUSED:
            return Later(PAUSED_LOOK_INTERVAL)
        if state is PublishState.CANCELLED:
            ended = msgspec.structs.replace(shard, done=True)
            return Done() if await self._note(publish, shard, ended, []) else Lost()
        for _ in range(_PAGES_A_TURN):
            if shard.under_way >= _MAX_UNDER_WAY:
                return Later(_LOOK_AGAIN)
            page = await self._pages.read(publish, shard)
            behind = self._pages.behind(shard, page)
            if not await self._note(publish, shard, behind, page):
                return Lost()
            if page:
                await self._pages.put(publish, behind, page)
            if behind.done:
                return Done()
            shard = behind
        await self._split(publish, shard)
        return Later(_NEXT_TURN)

    async def _note(
        self, publish: Publish, known: Shard, behind: Shard, page: list[Target]
    ) -> bool:
        noted = self._pages.range_of(behind, page) if page else None
        now = self._now()
        advanced = await self._store.write(
            lambda tx: publishes.shard_advanced(tx, publish, known, behind, noted, now=now)
        )
        if advanced is None:
            return False
        finished = advanced.finished
        self._tell(
            publish.instance_id, lambda: told.fanned_out(publish, [behind], finished=finished)
        )
        return True

    async def _split(self, publish: Publish, shard: Shard) -> None:
        """Split what the first shard of a large interest leaves over among others, once."""
        is_split = shard.number > 0 or shard.until is not None
        if is_split or kind_of(publish.audience) is AudienceKind.USERS:
            return
        for other in await self._store.write(lambda tx: self._added(tx, publish, shard)):
            await self._stream.put_shard(publish, other)

    async def _put_others_again(self, publish: Publish, shard: Shard) -> None:
        """Put what was split off from the shard on the stream, as far as it may not have got there.

        Before the shard gets any further: it may be done then, and nobody else would do it.
        """
        if shard.number > 0 or shard.until is None:
            return
        key = publish.instance_id, publish.id
        known = await self._store.read(lambda tx: shards.of_publish(tx, *key))
        for other in known:
            is_other = other.platform == shard.platform and other.number != shard.number
            if is_other and other.batches == 0 and not other.done:
                await self._stream.put_shard(publish, other)

    async def _added(self, tx: AsyncConnection, publish: Publish, shard: Shard) -> list[Shard]:
        ranges = split(shard, _PARTS)
        if not ranges:
            return []
        key = publish.instance_id, publish.id
        first = msgspec.structs.replace(shard, until=ranges[0][1])
        if await shards.advance(tx, *key, shard, first) is None:
            return []
        others = [
            Shard(platform=shard.platform, number=number, start=start, position=start, until=until)
            for number, (start, until) in enumerate(ranges[1:], start=1)
        ]
        await shards.add(tx, *key, others)
        return others
