"""A worker: takes messages from a consumer, one after the other, and has several in hand at once.

While a message is worked on, its lease is renewed; when the work is done it is acknowledged, and
until then it is never lost: a worker that dies leaves it to the next.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from heliograph.broker.streams import LEASE
from heliograph.broker.subjects import about
from heliograph.model.errors import Unavailable
from heliograph.telemetry.logs import begin
from heliograph.telemetry.watch import UNWATCHED, Watch

logger = logging.getLogger(__name__)

_FETCH_TIMEOUT_S = 5.0
_PAUSE_AFTER_ERROR = timedelta(seconds=1)
_RENEWALS_PER_LEASE = 3


@dataclass(frozen=True, slots=True)
class Done:
    """The message is worked off."""


@dataclass(frozen=True, slots=True)
class Later:
    """The message comes back after a time."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class Failed(Later):
    """An error of ours; it comes back, too."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Another worker has taken over; this one lets go without a word."""


Outcome = Done | Later | Lost
Handle = Callable[[bytes], Awaitable[Outcome]]
Subscribe = Callable[[], Awaitable[JetStreamContext.PullSubscription]]


class Worker:
    """Hands the messages of one consumer to `handle`, at most `concurrency` at once."""

    def __init__(
        self,
        subscribe: Subscribe,
        handle: Handle,
        *,
        concurrency: int,
        watch: Watch = UNWATCHED,
    ) -> None:
        self._subscribe = subscribe
        self._handle = handle
        self._watch = watch
        self._room = asyncio.Semaphore(concurrency)
        self._in_hand: set[asyncio.Task[None]] = set()

    async def run(self, stopping: asyncio.Event, *, drain: timedelta) -> None:
        """Work until `stopping` is set, then finish what is in hand, at most for `drain`."""
        fetching = asyncio.create_task(self._fetch_until(stopping))
        await stopping.wait()
        # The client may take the cancellation for a lost connection; then the loop sees the event.
        fetching.cancel()
        await asyncio.wait({fetching})
        await self._drain(drain)

    async def _fetch_until(self, stopping: asyncio.Event) -> None:
        subscription = None
        while not stopping.is_set():
            try:
                if subscription is None:
                    subscription = await self._subscribe()
                await self._fetch_one(subscription)
            except Exception as error:  # noqa: BLE001  # a worker that ends would go unnoticed
                await _leave(subscription)
                subscription = None
                if not stopping.is_set():
                    logger.warning("the broker can't be reached, trying again: %r", error)
                    await asyncio.sleep(_PAUSE_AFTER_ERROR.total_seconds())

    async def _fetch_one(self, subscription: JetStreamContext.PullSubscription) -> None:
        await self._room.acquire()
        try:
            # One at a time: a fetch of several would wait until it has them all.
            messages = await subscription.fetch(1, timeout=_FETCH_TIMEOUT_S)
        except TimeoutError:
            self._room.release()
            return
        except BaseException:
            self._room.release()
            raise
        task = asyncio.create_task(self._work_on(messages[0]))
        self._in_hand.add(task)
        task.add_done_callback(self._let_go)

    def _let_go(self, task: asyncio.Task[None]) -> None:
        self._in_hand.discard(task)
        self._room.release()

    async def _work_on(self, message: Msg) -> None:
        it, began_at = about(message), perf_counter()
        begin(it.ids)
        with self._watch.tracer.processing(it.stream, message.headers) as step:
            outcome = await self._outcome_of(message)
            word = type(outcome).__name__.lower()
            step.ended(word)
        self._watch.meter.message_ended(it.stream, word, perf_counter() - began_at)
        await _answer(message, outcome)

    async def _outcome_of(self, message: Msg) -> Outcome:
        renewing = asyncio.create_task(_renew(message))
        try:
            return await self._handle(message.data)
        except asyncio.CancelledError:
            raise
        except Unavailable as error:
            logger.warning("%s", error)
            return Later(error.retry_after)
        except Exception:
            logger.exception("a message could not be worked on, it comes back")
            return Failed(_back_off(message))
        finally:
            renewing.cancel()

    async def _drain(self, drain: timedelta) -> None:
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=drain.total_seconds())
        for task in self._in_hand:
            task.cancel()
        if self._in_hand:
            await asyncio.wait(self._in_hand)


async def _leave(subscription: JetStreamContext.PullSubscription | None) -> None:
    """Or the client would keep it, and subscribe it again at each reconnection."""
    if subscription is not None:
        with suppress(nats.errors.Error):
            await subscription.unsubscribe()


def _back_off(message: Msg) -> timedelta:
    """A second, doubling with each delivery, at most a minute."""
    deliveries = message.metadata.num_delivered or 1
    return timedelta(seconds=min(60, 2 ** min(deliveries - 1, 6)))


async def _answer(message: Msg, outcome: Outcome) -> None:
    try:
        match outcome:
            case Done():
                await message.ack()
            case Later(after):
                await message.nak(delay=max(after.total_seconds(), 0.001))
            case Lost():
                logger.warning("another worker has taken over a message that took too long here")
    except nats.errors.Error as error:
        # The lease runs out and the message comes back; what was done is noted in the store.
        logger.warning("the broker could not be told of an outcome: %r", error)


async def _renew(message: Msg) -> None:
    while True:
        await asyncio.sleep(LEASE.total_seconds() / _RENEWALS_PER_LEASE)
        try:
            await message.in_progress()
        except nats.errors.Error as error:
            logger.warning("a lease could not be renewed: %r", error)
