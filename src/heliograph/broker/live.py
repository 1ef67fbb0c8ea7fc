"""Live events on their way from where something happens to the API processes that somebody reads.

At most once, and over subjects that nothing keeps. A process that has readers says every two
seconds, and at once when there is a new one, which instances are watched; all that tell note it for
five seconds, and until then tell nothing: then an event is one look into a dictionary. What can't
be sent or read as fast as it happens is lost, and counted: nothing is ever held up.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from heliograph.broker.reader import Reader, Told
from heliograph.model.errors import Unavailable
from heliograph.model.ids import InstanceId
from heliograph.model.live import LiveEvent, Tell

logger = logging.getLogger(__name__)

MAX_READERS = 100
"""In one process."""
_MAX_UNSENT = 10_000
"""Events that may wait for the broker in a process that tells."""
_MAX_MESSAGE_BYTES = 1024**2
"""What a NATS server takes, if it isn't set up to take less, or more."""
_MAX_PENDING_BYTES = 64 * 1024
_MAX_UNHEARD_BYTES = 16 * 1024**2
_WATCHED_FOR_S = 5.0
_SAID_EVERY_S = 2.0
_FLUSH_TIMEOUT_S = 2
_PAUSE_S = 1.0
_TRY_AGAIN_AFTER = timedelta(seconds=10)
_WATCHED = "live.watched"
"""Which instances are, from who has readers."""
_ASKED = "live.asked"
"""Which are, wants to know who has just begun to tell."""
_BROKER_ERRORS = (nats.errors.Error, TimeoutError, OSError, RuntimeError)
"""What nats-py (2.16) raises, also of a connection that is just being lost."""


class Live:
    """The two ends of live events, over one connection to the broker."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._watched = _Watched()

    @asynccontextmanager
    async def telling(self, now: Callable[[], datetime]) -> AsyncIterator[Tell]:
        """Tell what happens, while the block lasts. Raises Unavailable."""
        teller = _Teller(self._client, self._watched, now)
        try:
            watched = await self._client.subscribe(_WATCHED, cb=teller.note_watched)
            await self._client.publish(_ASKED)
        except nats.errors.Error as error:
            raise Unavailable("broker") from error
        sending = asyncio.create_task(teller.send_as_they_come())
        try:
            yield teller
        finally:
            # Not cancelled: nats-py takes that for a lost connection.
            teller.end()
            await asyncio.wait({sending})
            with suppress(*_BROKER_ERRORS):
                await watched.unsubscribe()

    @asynccontextmanager
    async def listening(self, stopping: asyncio.Event) -> AsyncIterator["Listening"]:
        """Have readers, until `stopping` is set: then their streams end. Raises Unavailable."""
        listening = Listening(self._client, self._watched)
        try:
            asked = await self._client.subscribe(_ASKED, cb=listening.answer)
        except nats.errors.Error as error:
            raise Unavailable("broker") from error
        saying = asyncio.create_task(listening.say_until(stopping))
        try:
            yield listening
        finally:
            listening.end()
            saying.cancel()
            await asyncio.wait({saying})
            with suppress(*_BROKER_ERRORS):
                await asked.unsubscribe()


class _Watched:
    """Which instances are watched, as far as this process knows.

    Of its own readers it knows at once: its own word comes back from the broker a few turns of the
    event loop after the flush that it was sent with (measured), when a reader is ready already.
    """

    def __init__(self) -> None:
        self._until: dict[InstanceId, float] = {}

    def note(self, instance_ids: Iterable[InstanceId]) -> None:
        until = time.monotonic() + _WATCHED_FOR_S
        self._until.update(dict.fromkeys(instance_ids, until))

    def has(self, instance_id: InstanceId) -> bool:
        until = self._until.get(instance_id)
        if until is None:
            return False
        if until < time.monotonic():
            del self._until[instance_id]
            return False
        return True


class _Teller:
    """Gathers what is told and sends it. A Tell."""

    def __init__(self, client: Client, watched: _Watched, now: Callable[[], datetime]) -> None:
        self._client = client
        self._watched = watched
        self._now = now
        self._unsent: deque[tuple[InstanceId, Told]] = deque()
        self._room = _MAX_UNSENT
        self._lost = Counter[InstanceId]()
        self._has_some = asyncio.Event()
        self._is_over = False

    def __call__(
        self, instance_id: InstanceId, happened: Callable[[], Sequence[LiveEvent]]
    ) -> None:
        if not self._watched.has(instance_id):
            return
        try:
            told = Told(at=self._now(), events=happened())
        except Exception:
            # Whatever went well so far must not fail by being told.
            logger.exception("a live event could not be made")
            return
        if len(told.events) > self._room:
            self._lost[instance_id] += len(told.events)
        else:
            self._room -= len(told.events)
            self._unsent.append((instance_id, told))
        self._has_some.set()

    async def note_watched(self, message: Msg) -> None:
        self._watched.note(msgspec.json.decode(message.data, type=list[InstanceId]))

    async def send_as_they_come(self) -> None:
        """Until the end, and then what is there."""
        while not self._is_over:
            await self._has_some.wait()
            self._has_some.clear()
            try:
                await self._send_what_waits()
            except _BROKER_ERRORS as error:
                logger.debug("live events can't be sent: %r", error)
                await asyncio.sleep(_PAUSE_S)
                self._has_some.set()

    def end(self) -> None:
        self._is_over = True
        self._has_some.set()

    async def _send_what_waits(self) -> None:
        """Send it, and wait until the broker has it. Raises what the client raises."""
        while self._unsent or self._lost:
            if not self._client.is_connected:
                # The client would keep it, in room that it needs for more important things.
                raise nats.errors.ConnectionReconnectingError
            if self._unsent:
                instance_id, told = self._unsent.popleft()
                self._room += len(told.events)
            else:
                instance_id, number = self._lost.popitem()
                told = Told(at=self._now(), lost=number)
            await self._send(instance_id, told)
            if not self._unsent or self._client.pending_data_size > _MAX_PENDING_BYTES:
                # Or leases and acknowledgements would wait behind it.
                await self._client.flush(_FLUSH_TIMEOUT_S)

    async def _send(self, instance_id: InstanceId, told: Told) -> None:
        """Send it in as many messages as it needs. What can't be sent, is counted as lost."""
        message = msgspec.json.encode(told)
        if len(message) > min(self._client.max_payload, _MAX_MESSAGE_BYTES) and told.events[1:]:
            half = len(told.events) // 2
            for events in (told.events[:half], told.events[half:]):
                await self._send(instance_id, Told(at=told.at, events=events))
            return
        try:
            await self._client.publish(_subject_of(instance_id), message)
        except _BROKER_ERRORS:
            self._lost[instance_id] += len(told.events) + told.lost


class Listening:
    """Has readers in this process, and says so."""

    def __init__(self, client: Client, watched: _Watched) -> None:
        self._client = client
        self._watched = watched
        self._readers: dict[Reader, InstanceId] = {}
        self._is_over = False

    @asynccontextmanager
    async def reader(
        self, instance_id: InstanceId, wanted: Callable[[LiveEvent], bool]
    ) -> AsyncIterator[Reader]:
        """Hear what happens in the instance while the block lasts.

        When the block begins, all that tell are on their way to know. Raises Unavailable, also if
        there are too many readers.
        """
        if self._is_over or len(self._readers) >= MAX_READERS:
            raise Unavailable("place for one more reader", _TRY_AGAIN_AFTER)
        reader = Reader(wanted)
        self._readers[reader] = instance_id
        try:
            async with self._subscribed(instance_id, reader):
                yield reader
        finally:
            del self._readers[reader]

    @asynccontextmanager
    async def _subscribed(self, instance_id: InstanceId, reader: Reader) -> AsyncIterator[None]:
        try:
            subscription = await self._client.subscribe(
                _subject_of(instance_id), cb=reader.hear, pending_bytes_limit=_MAX_UNHEARD_BYTES
            )
        except nats.errors.Error as error:
            raise Unavailable("broker") from error
        try:
            try:
                await self._say()
                await self._client.flush(_FLUSH_TIMEOUT_S)
            except _BROKER_ERRORS as error:
                raise Unavailable("broker") from error
            yield
        finally:
            with suppress(*_BROKER_ERRORS):
                await subscription.unsubscribe()

    async def answer(self, _asked: Msg) -> None:
        with suppress(*_BROKER_ERRORS):
            await self._say()

    async def say_until(self, stopping: asyncio.Event) -> None:
        """Say every now and then what is watched; at the end, end all readers."""
        while not (stopping.is_set() or self._is_over):
            with suppress(TimeoutError):
                async with asyncio.timeout(_SAID_EVERY_S):
                    await stopping.wait()
            with suppress(*_BROKER_ERRORS):
                await self._say()
        self.end()

    def end(self) -> None:
        self._is_over = True
        for reader in self._readers:
            reader.end()

    async def _say(self) -> None:
        if self._readers and self._client.is_connected:
            watched = sorted(set(self._readers.values()))
            self._watched.note(watched)
            await self._client.publish(_WATCHED, msgspec.json.encode(watched))


def _subject_of(instance_id: InstanceId) -> str:
    return f"live.of.{instance_id}"
