"""Fan-out: who a publish is for, page by page, as batches on the DELIVER stream.

Each page is noted in the store before its batch is put on the stream. A fan-out that was cut off
puts the last noted page again (which changes nothing if it got there) and goes on behind it. So no
target is left out, and none is in two batches.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import msgspec

from heliograph.broker.worker import Done, Lost, Outcome
from heliograph.model.batch import Batch, Target
from heliograph.model.device import Platform
from heliograph.model.limits import MAX_BATCH_TARGETS
from heliograph.model.publish import Publish
from heliograph.store import batches, publishes, targets
from heliograph.store.batches import Range
from heliograph.store.engine import Store
from heliograph.store.targets import START, position_of

_ORDER = (Platform.WEB, Platform.APNS, Platform.FCM)
"""Never to be changed while a fan-out may be under way: where it was cut off, it goes on."""


class BatchStream(Protocol):
    """Where batches go."""

    async def put_batch(self, batch: Batch) -> None: ...


class FanOut:
    """Turns publishes into batches, platform by platform."""

    def __init__(self, store: Store, stream: BatchStream, now: Callable[[], datetime]) -> None:
        self._store = store
        self._stream = stream
        self._now = now

    async def __call__(self, message: bytes) -> Outcome:
        """Fan out one message of the PUBLISH stream: all of it, or what is left of it."""
        publish = msgspec.json.decode(message, type=Publish)
        async with self._store.writing() as tx:
            if not await publishes.begin(tx, publish):
                return Done()
            last = await batches.last_range(tx, publish.instance_id, publish.id)
        if last is not None:
            await self._put_again(publish, last)
        for platform in _platforms_behind(publish, last):
            while page := await self._page(publish, platform, last):
                last = _range_of(page, platform, last)
                async with self._store.writing() as tx:
                    if not await batches.add(tx, publish.instance_id, publish.id, last):
                        return Lost()
                await self._put(publish, last, page)
        async with self._store.writing() as tx:
            await publishes.fanned_out(tx, publish.instance_id, publish.id, now=self._now())
        return Done()

    async def _page(self, publish: Publish, platform: Platform, last: Range | None) -> list[Target]:
        after = last.last if last is not None and last.platform == platform else START
        async with self._store.reading() as connection:
            return await targets.page_after(
                connection,
                publish.instance_id,
                platform,
                publish.audience,
                after=after,
                limit=MAX_BATCH_TARGETS,
            )

    async def _put_again(self, publish: Publish, noted: Range) -> None:
        async with self._store.reading() as connection:
            page = await targets.page_between(
                connection,
                publish.instance_id,
                noted.platform,
                publish.audience,
                first=noted.first,
                last=noted.last,
            )
        await self._put(publish, noted, page)

    async def _put(self, publish: Publish, noted: Range, page: list[Target]) -> None:
        await self._stream.put_batch(
            Batch(
                publish_id=publish.id,
                instance_id=publish.instance_id,
                platform=noted.platform,
                number=noted.number,
                accepted_at=publish.accepted_at,
                payload=publish.payloads[noted.platform],
                targets=page,
            )
        )


def _platforms_behind(publish: Publish, last: Range | None) -> list[Platform]:
    wanted = [platform for platform in _ORDER if platform in publish.payloads]
    return wanted if last is None else wanted[wanted.index(last.platform) :]


def _range_of(page: list[Target], platform: Platform, last: Range | None) -> Range:
    return Range(
        number=1 if last is None else last.number + 1,
        platform=platform,
        first=position_of(page[0]),
        last=position_of(page[-1]),
    )
