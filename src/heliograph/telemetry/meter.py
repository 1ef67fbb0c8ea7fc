"""What is counted and timed. Parts tell it as it happens; what becomes of it is not their affair.

Names and meanings of the figures are declared in metrics.py, which also counts them.
"""

from collections.abc import Iterable
from typing import Protocol


class Meter(Protocol):
    """Is told what happens. Never raises, never waits. Durations are in seconds."""

    def request_began(self) -> None:
        """An HTTP request is in hand."""

    def request_ended(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """It was answered. route: the template of its path, never the path itself."""

    def published(self, audience: str, outcome: str) -> None:
        """A publish was accepted, or refused, and why."""

    def reported(self, event: str, *, counted: bool) -> None:
        """A device reported; not counted is what was known, or is of nobody that is known."""

    def message_ended(self, stream: str, outcome: str, seconds: float) -> None:
        """A worker has put a message of a stream out of its hands."""

    def push_began(self, platform: str, audience: str) -> None:
        """A message was handed over for a gateway."""

    def push_ended(self, platform: str, audience: str, verdict: str, seconds: float) -> None:
        """Its gateway answered, or it was called off."""

    def settled(self, platform: str, audience: str, outcomes: Iterable[str | None]) -> None:
        """Targets were settled, or are tried again ("retried"); None: nothing was tried."""

    def webhook_called(self, event: str, *, taken: bool, seconds: float) -> None:
        """A webhook was called, and its receiver has taken it, or not."""

    def transacted(self, kind: str, seconds: float) -> None:
        """A transaction of the store ended, with or without success."""

    def conflicted(self) -> None:
        """One is done again, since another was in its way."""

    def store_was_away(self) -> None:
        """One was given up, since the database was away or busy."""

    def lagged(self, seconds: float) -> None:
        """So much later than asked for did the event loop come to a task."""


class Unmetered:
    """Counts nothing."""

    def request_began(self) -> None: ...

    def request_ended(self, *, route: str, method: str, status: int, seconds: float) -> None: ...

    def published(self, audience: str, outcome: str) -> None: ...

    def reported(self, event: str, *, counted: bool) -> None: ...

    def message_ended(self, stream: str, outcome: str, seconds: float) -> None: ...

    def push_began(self, platform: str, audience: str) -> None: ...

    def push_ended(self, platform: str, audience: str, verdict: str, seconds: float) -> None: ...

    def settled(self, platform: str, audience: str, outcomes: Iterable[str | None]) -> None: ...

    def webhook_called(self, event: str, *, taken: bool, seconds: float) -> None: ...

    def transacted(self, kind: str, seconds: float) -> None: ...

    def conflicted(self) -> None: ...

    def store_was_away(self) -> None: ...

    def lagged(self, seconds: float) -> None: ...
