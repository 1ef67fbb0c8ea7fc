"""Counting for Prometheus, in this process. How the figures get out, exposition.py says."""

from collections import Counter as Counted
from collections.abc import Iterable
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

from heliograph.telemetry import declared
from heliograph.telemetry.declared import Declared

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Metrics:
    """A Meter whose figures are in `registry`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._gauge(declared.BUILD_INFO).labels(version("heliograph")).set(1)
        self._requests = self._histogram(declared.REQUESTS)
        self._requests_in_flight = self._gauge(declared.REQUESTS_IN_FLIGHT)
        self._publishes = self._counter(declared.PUBLISHES)
        self._reports = self._counter(declared.REPORTS)
        self._targets = self._counter(declared.TARGETS)
        self._retries = self._counter(declared.RETRIES)
        self._pushes = self._histogram(declared.PUSHES)
        self._pushes_in_flight = self._gauge(declared.PUSHES_IN_FLIGHT)
        self._messages = self._histogram(declared.MESSAGES)
        self._webhook_calls = self._histogram(declared.WEBHOOK_CALLS)
        self._transactions = self._histogram(declared.TRANSACTIONS)
        self._conflicts = self._counter(declared.CONFLICTS)
        self._store_away = self._counter(declared.STORE_AWAY)
        self._lag = self._histogram(declared.LAG)

    def request_began(self) -> None:
        self._requests_in_flight.inc()

    def request_ended(self, *, route: str, method: str, status: int, seconds: float) -> None:
        self._requests_in_flight.dec()
        # Anybody can make up methods.
        known = method if method in _METHODS else "other"
        self._requests.labels(route, known, f"{status // 100}xx").observe(seconds)

    def published(self, audience: str, outcome: str) -> None:
        self._publishes.labels(audience, outcome).inc()

    def reported(self, event: str, *, counted: bool) -> None:
        self._reports.labels(event, "counted" if counted else "ignored").inc()

    def message_ended(self, stream: str, outcome: str, seconds: float) -> None:
        self._messages.labels(stream, outcome).observe(seconds)

    def push_began(self, platform: str, audience: str) -> None:
        self._pushes_in_flight.labels(platform, audience).inc()

    def push_ended(self, platform: str, audience: str, verdict: str, seconds: float) -> None:
        self._pushes_in_flight.labels(platform, audience).dec()
        self._pushes.labels(platform, audience, verdict).observe(seconds)

    def settled(self, platform: str, audience: str, outcomes: Iterable[str | None]) -> None:
        # By the hundreds: to find a series costs more than to count.
        for outcome, number in Counted(outcomes).items():
            if outcome == "retried":
                self._retries.labels(platform, audience).inc(number)
            elif outcome is not None:
                self._targets.labels(platform, audience, outcome).inc(number)

    def webhook_called(self, event: str, *, taken: bool, seconds: float) -> None:
        self._webhook_calls.labels(event, "taken" if taken else "not_taken").observe(seconds)

    def transacted(self, kind: str, seconds: float) -> None:
        self._transactions.labels(kind).observe(seconds)

    def conflicted(self) -> None:
        self._conflicts.inc()

    def store_was_away(self) -> None:
        self._store_away.inc()

    def lagged(self, seconds: float) -> None:
        self._lag.observe(seconds)

    def _counter(self, one: Declared) -> Counter:
        return Counter(one.name, one.about, one.labels, registry=self.registry)

    def _gauge(self, one: Declared) -> Gauge:
        return Gauge(one.name, one.about, one.labels, registry=self.registry)

    def _histogram(self, one: Declared) -> Histogram:
        return Histogram(
            one.name, one.about, one.labels, buckets=one.buckets, registry=self.registry
        )
