"""Room: how many targets may be with a gateway at once, of all batches of an instance and platform.

A part of it is for users alone, so that what is for one of them is not held up by an interest.
"""

import asyncio
from asyncio import Future
from collections import deque

from heliograph.model.publish import AudienceKind

_FOR_ALL = 180
_FOR_USERS = 20
"""Together the targets that are with the gateway or not settled yet: what a crash may send twice.
As many as most services take at once on a connection (SETTINGS_MAX_CONCURRENT_STREAMS): more would
wait in the HTTP client, where a stop() no longer reaches them."""
_LEAST = 60
"""A batch waits for so many places, if it needs them: to look at the store costs about the same for
one device as for thirty."""


class Room:
    """The room of one instance and platform, in this process."""

    def __init__(self) -> None:
        self._for_all = _Places(_FOR_ALL)
        self._for_users = _Places(_FOR_USERS)

    def share(self, kind: AudienceKind) -> "Share":
        """What one batch has of it; nothing at first."""
        reserved = self._for_users if kind is AudienceKind.USERS else _NONE
        return Share(self._for_all, reserved)


class Share:
    """What one batch has of the room."""

    def __init__(self, for_all: "_Places", reserved: "_Places") -> None:
        self._for_all = for_all
        self._reserved = reserved
        self._taken = 0
        self._taken_reserved = 0

    async def take(self, wanted: int) -> int:
        """Wait for room, in turn, and take what there is, up to what is wanted."""
        if self._reserved.free >= wanted:
            self._reserved.free -= wanted
            self._taken_reserved += wanted
            return wanted
        taken = await self._for_all.take(min(wanted, _LEAST), wanted)
        self._taken += taken
        return taken

    def give_back(self, number: int) -> None:
        reserved = min(number, self._taken_reserved)
        self._reserved.free += reserved
        self._taken_reserved -= reserved
        self._taken -= number - reserved
        self._for_all.give_back(number - reserved)

    def give_back_all(self) -> None:
        self.give_back(self._taken + self._taken_reserved)


class _Places:
    """Places that are taken several at once, or not yet: nobody holds some and waits for more."""

    def __init__(self, number: int) -> None:
        self.free = number
        self._waiting: deque[tuple[int, int, Future[int]]] = deque()

    async def take(self, least: int, most: int) -> int:
        turn: Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((least, most, turn))
        self._serve()
        try:
            return await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.give_back(turn.result())
            raise

    def give_back(self, number: int) -> None:
        self.free += number
        self._serve()

    def _serve(self) -> None:
        while self._waiting:
            least, most, turn = self._waiting[0]
            if not turn.done():
                if self.free < least:
                    return
                taken = min(most, self.free)
                self.free -= taken
                turn.set_result(taken)
            self._waiting.popleft()


_NONE = _Places(0)
