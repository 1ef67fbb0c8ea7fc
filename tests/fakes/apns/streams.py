"""How many streams a sender may have open, by the SETTINGS that it has acknowledged.

The fake keeps count itself: h2 would end the whole connection over one stream too many, where a
real server refuses that stream alone (RFC 9113, section 5.1.2).
"""

from collections import deque
from dataclasses import dataclass, field

from h2.connection import H2Connection
from h2.settings import SettingCodes, Settings
from hyperframe.frame import SettingsFrame

UNLIMITED = 2**31 - 1


@dataclass(slots=True)
class Streams:
    """The open streams of one connection."""

    open: set[int] = field(default_factory=set)
    _acknowledged: int = UNLIMITED
    """A sender that has read no SETTINGS yet knows no limit (RFC 9113, section 6.5.2)."""
    _announced: deque[int] = field(default_factory=deque)
    _limit: int | None = None

    def begin(self, connection: H2Connection, limit: int) -> None:
        """Announce a limit with the first SETTINGS, and keep h2 from holding to it."""
        settings = {SettingCodes.MAX_CONCURRENT_STREAMS: limit}
        connection.local_settings = Settings(client=False, initial_values=settings)
        connection.initiate_connection()
        settings = {SettingCodes.MAX_CONCURRENT_STREAMS: UNLIMITED}
        connection.local_settings = Settings(client=False, initial_values=settings)
        self._announced.append(limit)
        self._limit = limit

    def announcement(self, limit: int) -> bytes:
        """The SETTINGS frame for another limit; empty if it is the one that is known."""
        if limit == self._limit:
            return b""
        self._announced.append(limit)
        self._limit = limit
        return SettingsFrame(settings={SettingCodes.MAX_CONCURRENT_STREAMS: limit}).serialize()

    def acknowledge(self) -> None:
        """Take note that the sender has read the oldest announcement."""
        self._acknowledged = self._announced.popleft()

    def opens(self, stream_id: int) -> bool:
        """Whether the sender may have one more: by any limit that it may go by at this time."""
        self.open.add(stream_id)
        in_force = [self._acknowledged, *self._announced]
        return len(self.open) <= max(in_force)
