"""Room: how many targets may be with a gateway at once, of all batches of a lane together."""

import asyncio
from asyncio import Future
from collections import deque

_MAX_IN_FLIGHT = 200
"""Targets that are with the gateway or not settled yet: what a crash may send twice."""
_LEAST = 60
"""A batch waits for so many places, if it needs them: to look at the store costs about the same for
one device as for many."""


class Room:
    """The room of one lane, in this process.

    Places are taken several at once, or not yet: nobody holds some and waits for more.
    """

    def __init__(self) -> None:
        self._free = _MAX_IN_FLIGHT
        self._waiting: deque[tuple[int, int, Future[int]]] = deque()

    def share(self) -> "Share":
        """What one batch has of it; nothing at first."""
        return Share(self)

    async def take(self, wanted: int) -> int:
        """Wait for room, in turn, and take what there is, up to what is wanted."""
        turn: Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((min(wanted, _LEAST), wanted, turn))
        self._serve()
        try:
            return await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.give_back(turn.result())
            raise

    def give_back(self, number: int) -> None:
        self._free += number
        self._serve()

    def _serve(self) -> None:
        while self._waiting:
            least, most, turn = self._waiting[0]
            if not turn.done():
                if self._free < least:
                    return
                taken = min(most, self._free)
                self._free -= taken
                turn.set_result(taken)
            self._waiting.popleft()


class Share:
    """What one batch has of the room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._taken = 0

    async def take(self, wanted: int) -> int:
        """Wait for room, in turn, and take what there is, up to what is wanted."""
        taken = await self._room.take(wanted)
        self._taken += taken
        return taken

    def give_back(self, number: int) -> None:
        self._taken -= number
        self._room.give_back(number)

    def give_back_all(self) -> None:
        self.give_back(self._taken)
