"""Calling: works off the calls of an instance that are due, receiver by receiver.

No receiver waits for another. A call is leased before it is made, so that among many processes one
makes it; what one had in hand when it died is made again by another. What a receiver does not take
is tried again as Beams does it, and then kept for an operator.
"""

import asyncio
import logging
import time
from asyncio import Task
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.gateways.http2 import Http
from heliograph.model.errors import Unavailable
from heliograph.model.ids import InstanceId, PublishId, UserId
from heliograph.model.limits import WEBHOOK_TIME
from heliograph.model.live import LiveEvent, WebhookCalled
from heliograph.model.webhook import Call, next_try
from heliograph.store import webhook_calls
from heliograph.store.engine import Store
from heliograph.telemetry.watch import UNWATCHED, Watch
from heliograph.webhooks.send import NotTaken, Taken, send

logger = logging.getLogger(__name__)

CALLS_AT_ONCE = 8
"""To one receiver."""
_LOOK_INTERVAL_S = 0.5
_SLACK = timedelta(seconds=3)
"""So long before the end of its lease a call must have been made, and noted."""
_KEPT_S = 50.0
"""How long a connection is kept, and its receiver trusted, after an answer; less than http2 does"""


class Calling:
    """Makes the calls of one instance.

    open_http: for one receiver alone. room: for so many calls at once in this process.
    """

    def __init__(
        self,
        store: Store,
        instance_id: InstanceId,
        open_http: Callable[[], Http],
        room: asyncio.Semaphore,
        now: Callable[[], datetime],
        watch: Watch = UNWATCHED,
    ) -> None:
        self._store = store
        self._watch = watch
        self._instance_id = instance_id
        self._open_http = open_http
        self._room = room
        self._now = now
        self._receivers: dict[str, _Receiver] = {}

    async def run(self, stopping: asyncio.Event, *, drain: timedelta) -> None:
        """Work until `stopping` is set, then finish the calls in hand, at most for `drain`."""
        while not stopping.is_set():
            try:
                await self._look(stopping)
            except Unavailable as error:
                logger.warning("%s", error)
            except Exception:
                logger.exception("calls to webhooks could not be looked for, trying again")
            try:
                async with asyncio.timeout(_LOOK_INTERVAL_S):
                    await stopping.wait()
            except TimeoutError:
                continue
        await self._drain(drain)

    async def _look(self, stopping: asyncio.Event) -> None:
        """Begin with every receiver that has calls due, and forget those without for a while."""
        async with self._store.reading() as connection:
            due = await webhook_calls.receivers_due(connection, self._instance_id, now=self._now())
        for name in due:
            if name not in self._receivers:
                self._receivers[name] = _Receiver(self._open_http())
            receiver = self._receivers[name]
            if receiver.working is None or receiver.working.done():
                working = self._work_off(name, receiver, stopping)
                receiver.working = asyncio.create_task(working)
        for name, receiver in list(self._receivers.items()):
            if name not in due and receiver.is_over:
                del self._receivers[name]
                await receiver.close()

    async def _work_off(self, name: str, receiver: "_Receiver", stopping: asyncio.Event) -> None:
        """Make the receiver's calls that are due, until there are none."""
        try:
            while not stopping.is_set():
                room = receiver.calls_at_once - len(receiver.in_flight)
                for call in await self._claimed(name, room):
                    receiver.in_flight.add(asyncio.create_task(self._make(receiver, call)))
                if not receiver.in_flight:
                    return
                _, receiver.in_flight = await asyncio.wait(
                    receiver.in_flight,
                    timeout=_LOOK_INTERVAL_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
        except Unavailable as error:
            logger.warning("%s", error)
        except Exception:
            logger.exception("calls to a webhook could not be made, trying again")
        if receiver.in_flight:
            await asyncio.wait(receiver.in_flight)
            receiver.in_flight.clear()

    async def _claimed(self, name: str, limit: int) -> list[Call]:
        if limit <= 0:
            return []

        async def work(tx: AsyncConnection) -> list[Call]:
            return await webhook_calls.claim(
                tx,
                self._store.seal,
                self._instance_id,
                name,
                limit=limit,
                now=self._now(),
            )

        return await self._store.write(work)

    async def _make(self, receiver: "_Receiver", call: Call) -> None:
        try:
            async with self._room:
                now = self._now()
                if now + WEBHOOK_TIME + _SLACK > call.leased_until:
                    return  # It had to wait for so long that it may be another's by now.
                outcome = await self._sent(receiver, call, now)
            receiver.note(outcome)
            await self._note(call, outcome)
            self._watch.tell(call.instance_id, lambda: [_told(call, outcome)])
        except Unavailable as error:
            logger.warning("what came of a call to a webhook could not be noted: %s", error)
        except Exception:
            logger.exception("what came of a call to a webhook could not be noted")

    async def _sent(self, receiver: "_Receiver", call: Call, now: datetime) -> Taken | NotTaken:
        began = time.monotonic()
        try:
            outcome = await send(receiver.http, call, now=now)
        except Exception as error:  # noqa: BLE001  # it would be made for ever
            # Its text may hold the URL, which may be a secret; its type may not.
            outcome = NotTaken(f"the call could not be made: {type(error).__name__}")
        self._watch.meter.webhook_called(
            call.event, taken=isinstance(outcome, Taken), seconds=time.monotonic() - began
        )
        return outcome

    async def _note(self, call: Call, outcome: Taken | NotTaken) -> None:
        now = self._now()

        async def work(tx: AsyncConnection) -> None:
            if isinstance(outcome, Taken):
                await webhook_calls.taken(tx, call, now=now)
            elif until := next_try(call.tries + 1, now):
                await webhook_calls.put_off(tx, call, outcome.reason, until=until)
            else:
                await webhook_calls.given_up(tx, call, outcome.reason, now=now)
                told = call.webhook_id or "of a publish"
                logger.warning("webhook %s: call %s has failed: %s", told, call.id, outcome.reason)

        await self._store.write(work)

    async def _drain(self, drain: timedelta) -> None:
        async with AsyncExitStack() as stack:
            for receiver in self._receivers.values():
                stack.push_async_callback(receiver.close)
            working = {one.working for one in self._receivers.values() if one.working is not None}
            if working:
                await asyncio.wait(working, timeout=drain.total_seconds())


def _told(call: Call, outcome: Taken | NotTaken) -> LiveEvent:
    body = msgspec.json.decode(call.body, type=_Body)
    return WebhookCalled(
        event=call.event,
        attempt=call.tries + 1,
        status=outcome.status,
        reason=outcome.reason if isinstance(outcome, NotTaken) and not outcome.status else "",
        user_id=body.payload.user_id,
        publish_id=body.payload.publish_id or body.publish_id,
    )


class _Payload(msgspec.Struct):
    publish_id: PublishId | None = None
    user_id: UserId | None = None


class _Body(msgspec.Struct):
    """What of a call's body says whom it is about."""

    payload: _Payload = msgspec.field(default_factory=_Payload)
    publish_id: PublishId | None = msgspec.field(default=None, name="publishId")


class _Receiver:
    """Who is called: with what, and how many calls at once.

    Only one until it has answered: if it does not, others would wait in vain, and not be tried.
    """

    def __init__(self, http: Http) -> None:
        self.http = http
        self.working: Task[None] | None = None
        self.in_flight: set[Task[None]] = set()
        self._trusted_until = 0.0
        self._kept_until = time.monotonic() + _KEPT_S

    @property
    def calls_at_once(self) -> int:
        return CALLS_AT_ONCE if time.monotonic() < self._trusted_until else 1

    @property
    def is_over(self) -> bool:
        is_idle = self.working is None or self.working.done()
        return is_idle and time.monotonic() > self._kept_until

    def note(self, outcome: Taken | NotTaken) -> None:
        answered = outcome.status is not None
        self._trusted_until = time.monotonic() + _KEPT_S if answered else 0.0
        self._kept_until = time.monotonic() + _KEPT_S

    async def close(self) -> None:
        """End what is still in hand: its lease runs out, and it is made again."""
        tasks = {*self.in_flight, *({self.working} if self.working else ())}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.http.__aexit__()
