"""Room: how many targets may be with a gateway at once, of all batches of a lane together."""

from asyncio import Semaphore

_MAX_IN_FLIGHT = 100
"""Targets that are with the gateway or not settled yet: what a crash may send twice. As many as
most services take at once on a connection (SETTINGS_MAX_CONCURRENT_STREAMS): more would wait in
the HTTP client, where a stop() no longer reaches them."""


class Room:
    """The room of one lane."""

    def __init__(self) -> None:
        self._free = Semaphore(_MAX_IN_FLIGHT)

    def share(self) -> "Share":
        """What one batch has of it; nothing at first."""
        return Share(self._free)


class Share:
    """What one batch has of the room."""

    def __init__(self, free: Semaphore) -> None:
        self._free = free
        self._taken = 0

    async def take(self, wanted: int) -> int:
        """Wait for room for one, and take what there is besides, up to what is wanted."""
        taken = 0
        while taken == 0 or (taken < wanted and not self._free.locked()):
            await self._free.acquire()
            self._taken += 1
            taken += 1
        return taken

    def give_back(self, number: int) -> None:
        self._taken -= number
        for _ in range(number):
            self._free.release()

    def give_back_all(self) -> None:
        self.give_back(self._taken)
