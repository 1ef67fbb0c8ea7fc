"""What is traced: the steps of a publish, from the app server's request to the gateways' answers.

What becomes of it is in traces.py, which alone knows OpenTelemetry, and is imported only if a
collector is set.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Protocol, Self


class Step(Protocol):
    """A step under way."""

    def ended(self, outcome: str) -> None:
        """How it ended."""


class RequestStep(Protocol):
    """An HTTP request under way."""

    def answered(self, *, route: str, status: int) -> None:
        """Which route answered it, and with what."""


class Tracer(Protocol):
    """Opens steps. A step that is opened inside another, or carried by its message, is part of it.

    Never raises, never waits.
    """

    def request(
        self, method: str, headers: Iterable[tuple[bytes, bytes]]
    ) -> AbstractContextManager[RequestStep]:
        """An HTTP request. headers: names in lower case; they may carry the caller's trace."""

    def putting(self, stream: str) -> AbstractContextManager[Mapping[str, str]]:
        """A message is put on a stream: yields the headers that carry the trace with it."""

    def processing(
        self, stream: str, headers: Mapping[str, str] | None
    ) -> AbstractContextManager[Step]:
        """A worker works on a message. headers: what it carries."""

    def batch_in_hand(self, targets: int) -> None:
        """The message that is worked on is a batch, of which so many targets are left."""

    def push(self, platform: str) -> AbstractContextManager[Step]:
        """A message is handed over for a gateway."""

    def settled(self, outcomes: Iterable[str | None]) -> None:
        """Targets of the batch in hand were settled, or are tried again."""


_NOTHING_CARRIED: Mapping[str, str] = MappingProxyType({})


class _NoStep:
    """One for all."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None: ...

    def ended(self, outcome: str) -> None: ...

    def answered(self, *, route: str, status: int) -> None: ...


class _NothingCarried:
    def __enter__(self) -> Mapping[str, str]:
        return _NOTHING_CARRIED

    def __exit__(self, *_error: object) -> None: ...


_NO_STEP, _NO_HEADERS = _NoStep(), _NothingCarried()


class Untraced:
    """Traces nothing."""

    def request(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> _NoStep:
        return _NO_STEP

    def putting(self, stream: str) -> _NothingCarried:
        return _NO_HEADERS

    def processing(self, stream: str, headers: Mapping[str, str] | None) -> _NoStep:
        return _NO_STEP

    def batch_in_hand(self, targets: int) -> None: ...

    def push(self, platform: str) -> _NoStep:
        return _NO_STEP

    def settled(self, outcomes: Iterable[str | None]) -> None: ...
