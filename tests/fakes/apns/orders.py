"""What tests order the fake APNs to do to requests that are otherwise right."""

import json
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Order:
    """An answer: of the fake itself, or ordered in advance.

    body: instead of the JSON with the reason. goaway: "at once" names the last stream with the
    answer, "graceful" announces the end first. reset: name of the error code of a RST_STREAM.
    cut: no connection any more. at: when to reset or cut: "headers", before the request has ended;
    "end", instead of an answer; "answer", in the middle of it. silent: no answer at all.
    """

    status: int = 200
    reason: str = ""
    timestamp_ms: int | None = None
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0
    goaway: str = ""
    reset: str = ""
    cut: bool = False
    at: str = "end"
    silent: bool = False

    def content(self) -> bytes:
        if self.body is not None:
            return self.body.encode()
        if self.status == 200:
            return b""
        said: dict[str, object] = {"reason": self.reason}
        if self.timestamp_ms is not None:
            said["timestamp"] = self.timestamp_ms
        return json.dumps(said).encode()


@dataclass(slots=True)
class Orders:
    """The orders that wait for their requests: for one device, for the next of any, for all."""

    for_all: Order | None = None
    _of_one: dict[str, deque[Order]] = field(default_factory=lambda: defaultdict(deque))
    _next: deque[Order] = field(default_factory=deque)

    def add(self, token: str | None, orders: list[Order]) -> None:
        """Keep orders, for the next requests to one device or to any (None)."""
        (self._next if token is None else self._of_one[token]).extend(orders)

    def take(self, token: str) -> Order | None:
        """The order for a request that has ended."""
        waiting = self._waiting(token)
        return waiting.popleft() if waiting else self.for_all

    def take_early(self, token: str) -> Order | None:
        """The order for a request of which only the headers came."""
        waiting = self._waiting(token)
        return waiting.popleft() if waiting and waiting[0].at == "headers" else None

    def clear(self) -> None:
        self.for_all = None
        self._of_one.clear()
        self._next.clear()

    def _waiting(self, token: str) -> deque[Order]:
        return self._of_one[token] or self._next
