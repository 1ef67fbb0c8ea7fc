"""Calls of one instance on a clock of the test: the store and the sockets are real.

async with Office.opened(tmp_path) as office:
    await office.add(receiver.url)
    await office.happen()
    await office.until(State(1, timedelta(seconds=10), None, "answered 500"))
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Self

import msgspec
from sqlalchemy import select

from heliograph.data import create_instance, new_secret_key
from heliograph.gateways.guard import ANYWHERE, Guard
from heliograph.gateways.http2 import Http
from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId, UserId, new_instance_id, new_publish_id
from heliograph.model.publish import Publish, Users
from heliograph.model.shard import Shard
from heliograph.model.webhook import Webhook, WebhookEvent, WebhookId, new_webhook_id
from heliograph.store import publishes, webhooks
from heliograph.store.engine import Store, open_store
from heliograph.store.schema import webhook_calls as calls
from heliograph.webhooks.calling import Calling
from tests.databases import SEAL
from tests.waiting import POLL_S
from tests.webhooks.conftest import SECRET

WITHIN_S = 20
DRAIN = timedelta(seconds=10)


class State(msgspec.Struct, frozen=True):
    """How a call stands. due_in, failed_in: from the office's begin."""

    tries: int
    due_in: timedelta | None
    failed_in: timedelta | None
    failure: str | None


class Office:
    """A context. now: what its clock shows; it stands still until it is set."""

    def __init__(self, store: Store, instance_id: InstanceId, guard: Guard) -> None:
        self.store = store
        self.instance_id = instance_id
        self.began = self.now = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
        self.calling = Calling(
            store, instance_id, partial(Http, guard), asyncio.Semaphore(128), lambda: self.now
        )
        self._stopping = asyncio.Event()
        self._running = asyncio.create_task(self.calling.run(self._stopping, drain=DRAIN))

    @classmethod
    @asynccontextmanager
    async def opened(cls, directory: Path, *, guard: Guard = ANYWHERE) -> AsyncIterator[Self]:
        instance_id = new_instance_id()
        async with open_store(directory / "heliograph.db", SEAL) as store:
            await create_instance(store, "office", instance_id, new_secret_key())
            office = cls(store, instance_id, guard)
            try:
                yield office
            finally:
                await office.stop()

    async def stop(self) -> None:
        """Call no more, but for what is in hand."""
        self._stopping.set()
        await self._running

    async def add(self, url: str) -> WebhookId:
        """A webhook for attempts."""
        webhook = Webhook(
            id=new_webhook_id(),
            url=url,
            secret=SECRET,
            events=(WebhookEvent.ATTEMPT,),
            custom_data={},
            created_at=self.now,
        )
        async with self.store.writing() as tx:
            await webhooks.add(tx, SEAL, self.instance_id, webhook)
        return webhook.id

    async def happen(self, times: int = 1) -> None:
        """Let publishes to a user without devices be finished."""
        async with self.store.writing() as tx:
            for _ in range(times):
                publish = Publish(
                    id=new_publish_id(),
                    instance_id=self.instance_id,
                    accepted_at=self.now,
                    audience=Users((UserId("alice"),)),
                    payloads={Platform.WEB: {}},
                )
                shard = Shard(platform=Platform.WEB, number=0, done=True)
                assert await publishes.begin(tx, publish, [shard], [], now=self.now)

    async def states(self) -> list[State]:
        """How all calls stand that are not taken."""
        async with self.store.reading() as connection:
            rows = (await connection.execute(select(calls))).all()
        states = (
            State(row.tries, self._since(row.due_at), self._since(row.failed_at), row.failure)
            for row in rows
        )
        return sorted(states, key=repr)

    async def until(self, *expected: State) -> None:
        """Wait until they stand so; without any, until all are taken."""
        deadline = time.monotonic() + WITHIN_S
        found = await self.states()
        while found != sorted(expected, key=repr) and time.monotonic() < deadline:
            await asyncio.sleep(POLL_S)
            found = await self.states()
        assert found == sorted(expected, key=repr)

    def _since(self, instant: datetime | None) -> timedelta | None:
        return None if instant is None else instant - self.began
