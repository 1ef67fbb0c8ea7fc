"""A reader of live events: what it has not taken yet, and how much it has lost."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec
from nats.aio.msg import Msg

from heliograph.model.live import LiveEvent

_MAX_UNREAD = 1000
"""Events that may wait for a reader to take them."""
_MAX_TAKEN = 100


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of an instance in one message. lost: so many events besides could not be."""

    at: datetime
    events: Sequence[LiveEvent] = ()
    lost: int = 0


class Lost(msgspec.Struct, frozen=True):
    """In place of events that a reader does not get: how many."""

    number: int


Heard = tuple[datetime, LiveEvent] | Lost


class Reader:
    """What one reader has not taken yet, as far as there is room for it."""

    def __init__(self, wanted: Callable[[LiveEvent], bool]) -> None:
        self.is_over = False
        self._wanted = wanted
        self._unread: deque[Heard] = deque()
        self._has_news = asyncio.Event()

    async def take(self, *, within: timedelta) -> Sequence[Heard]:
        """The next few, as soon as there are some; none if none come in time, or it is over."""
        if not self._unread and not self.is_over:
            self._has_news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(within.total_seconds()):
                    await self._has_news.wait()
        return [self._unread.popleft() for _ in range(min(_MAX_TAKEN, len(self._unread)))]

    async def hear(self, message: Msg) -> None:
        try:
            told = msgspec.json.decode(message.data, type=Told)
        except msgspec.DecodeError:
            # From a process of another version.
            self._lose(1)
            return
        for event in told.events:
            if not self._wanted(event):
                continue
            if len(self._unread) < _MAX_UNREAD:
                self._unread.append((told.at, event))
            else:
                self._lose(1)
        if told.lost:
            self._lose(told.lost)
        if self._unread:
            self._has_news.set()

    def end(self) -> None:
        """Let the reader have what is there, and nothing more."""
        self.is_over = True
        self._has_news.set()

    def _lose(self, number: int) -> None:
        last = self._unread[-1] if self._unread else None
        if isinstance(last, Lost):
            self._unread[-1] = Lost(last.number + number)
        else:
            self._unread.append(Lost(number))
        self._has_news.set()
