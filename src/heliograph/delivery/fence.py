"""The fence: this process may hand messages over only while all others know that it does."""

import asyncio
import math
import time


class Fence:
    """Open until an instant of this machine's clock that is never set; closed at first."""

    def __init__(self) -> None:
        self._until = -math.inf
        self._moved = asyncio.Event()

    def is_open(self) -> bool:
        return time.monotonic() < self._until

    def open_until(self, instant: float) -> None:
        """Open it until then. instant: as time.monotonic() counts."""
        self._until = instant
        self._moved.set()

    async def opened(self) -> None:
        """Wait until it is open."""
        while not self.is_open():
            self._moved.clear()
            await self._moved.wait()
