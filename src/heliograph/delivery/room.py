"""Room: how many targets may be with a gateway at once, of all batches of an instance and platform.

What is for interests never takes all of it: what is for users finds room at once.
"""

from asyncio import Semaphore

from heliograph.model.publish import AudienceKind

_MAX_IN_FLIGHT = 100
"""Targets that are with the gateway or not settled yet: what a crash may send twice. As many as
most services take at once on a connection (SETTINGS_MAX_CONCURRENT_STREAMS): more would wait in
the HTTP client, where a stop() no longer reaches them."""
_MAX_FOR_INTERESTS = 90


class Room:
    """The room of one instance and platform, in this process."""

    def __init__(self) -> None:
        whole = Semaphore(_MAX_IN_FLIGHT)
        self._free = {
            AudienceKind.USERS: (whole,),
            AudienceKind.INTERESTS: (Semaphore(_MAX_FOR_INTERESTS), whole),
        }

    def share(self, kind: AudienceKind) -> "Share":
        """What one batch has of it; nothing at first."""
        return Share(self._free[kind])


class Share:
    """What one batch has of the room."""

    def __init__(self, free: tuple[Semaphore, ...]) -> None:
        self._free = free
        self._taken = 0

    async def take(self, wanted: int) -> int:
        """Wait for room for one, and take what there is besides, up to what is wanted."""
        taken = 0
        while taken == 0 or (taken < wanted and not any(free.locked() for free in self._free)):
            await self._take_one()
            taken += 1
        return taken

    async def _take_one(self) -> None:
        held: list[Semaphore] = []
        try:
            for free in self._free:
                await free.acquire()
                held.append(free)
        except BaseException:
            for free in held:
                free.release()
            raise
        self._taken += 1

    def give_back(self, number: int) -> None:
        self._taken -= number
        for _ in range(number):
            for free in self._free:
                free.release()

    def give_back_all(self) -> None:
        self.give_back(self._taken)
