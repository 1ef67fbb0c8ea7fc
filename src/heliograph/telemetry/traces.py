"""Tracing for OpenTelemetry: spans, and the way of a trace through the streams.

Names and attributes: OpenTelemetry's semantic conventions for HTTP and for messaging spans. Left
out of these are paths and URLs, for they hold device ids, user ids and push tokens. A trace travels
as W3C Trace Context, in the headers of requests and of messages on streams.

A span costs. So messages of large batches have none of their own, and what a worker only looked at,
as a paused publish, leaves none. What doesn't fit into the exporter's queue is dropped: nothing
waits for the collector.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.metadata import version
from threading import Thread
from uuid import uuid4

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    INVALID_SPAN,
    Span,
    SpanKind,
    StatusCode,
    format_trace_id,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from heliograph.telemetry.logs import know, known

_PATH = "/v1/traces"
"""Of a collector: https://opentelemetry.io/docs/specs/otlp/#otlphttp-request."""
_FAREWELL_S = 3.0
"""How long a stop waits for the last spans to be exported."""
_FEW = 20
"""A batch with at most so many targets has a span for each message to a gateway."""
_SERVER_ERROR = 500
_CARRYING = (b"traceparent", b"tracestate")
_propagator = TraceContextTextMapPropagator()


@asynccontextmanager
async def exporting(endpoint: str, *, process: str) -> AsyncIterator["Traces"]:
    """Export to the collector at the address; what is left at the end, for a few seconds more.

    What else there is to set, the SDK reads from its own variables (OTEL_...).
    """
    own = {
        "service.name": "heliograph",
        "service.version": version("heliograph"),
        "service.instance.id": str(uuid4()),
        "heliograph.process": process,
    }
    resource = Resource.create({**own, **OTELResourceDetector().detect().attributes})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint + _PATH)))
    try:
        yield Traces(provider)
    finally:
        # It would wait for a collector that is away for half a minute.
        last = Thread(target=provider.shutdown, daemon=True)
        last.start()
        await asyncio.to_thread(last.join, _FAREWELL_S)


@dataclass(slots=True)
class _InHand:
    """A message of a stream, on which a worker's task works."""

    span: Span
    is_told: bool = False
    """Whether something was done, so that the span is worth keeping."""
    is_small: bool = False
    """Whether each message to a gateway has a span."""
    outcomes: Counter[str] = field(default_factory=Counter)

    def ended(self, outcome: str) -> None:
        self.is_told |= outcome != "later"
        self.span.set_attribute("heliograph.outcome", outcome)
        if outcome == "failed":
            self.span.set_status(StatusCode.ERROR)


_in_hand: ContextVar[_InHand] = ContextVar("in_hand", default=_InHand(INVALID_SPAN))  # noqa: B039


@dataclass(frozen=True, slots=True)
class _Request:
    span: Span
    method: str

    def answered(self, *, route: str, status: int) -> None:
        self.span.update_name(f"{self.method} {route}")
        self.span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= _SERVER_ERROR:
            self.span.set_attribute("error.type", str(status))
            self.span.set_status(StatusCode.ERROR)


@dataclass(frozen=True, slots=True)
class _Push:
    span: Span

    def ended(self, outcome: str) -> None:
        self.span.set_attribute("heliograph.verdict", outcome)
        if outcome != "delivered":
            self.span.set_attribute("error.type", outcome)


class Traces:
    """A Tracer."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("heliograph", version("heliograph"))

    @contextmanager
    def request(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> Iterator[_Request]:
        carried = {
            name.decode(): one.decode("latin-1") for name, one in headers if name in _CARRYING
        }
        span = self._tracer.start_span(
            method,
            _propagator.extract(carried, Context()),
            SpanKind.SERVER,
            {"http.request.method": method},
        )
        with _current(span):
            try:
                yield _Request(span, method)
            finally:
                _end(span)

    @contextmanager
    def putting(self, stream: str) -> Iterator[Mapping[str, str]]:
        _in_hand.get().is_told = True
        span = self._tracer.start_span(
            f"send {stream}", None, SpanKind.PRODUCER, _messaging(stream, "send")
        )
        carried: dict[str, str] = {}
        with _current(span):
            _propagator.inject(carried)
            try:
                yield carried
            finally:
                span.end()

    @contextmanager
    def processing(self, stream: str, headers: Mapping[str, str] | None) -> Iterator[_InHand]:
        span = self._tracer.start_span(
            f"process {stream}",
            _propagator.extract(headers or {}, Context()),
            SpanKind.CONSUMER,
            _messaging(stream, "process"),
        )
        in_hand = _InHand(span)
        _in_hand.set(in_hand)
        with _current(span):
            try:
                yield in_hand
            finally:
                for outcome, targets in in_hand.outcomes.items():
                    span.set_attribute(f"heliograph.targets.{outcome}", targets)
                if in_hand.is_told:
                    _end(span)

    def batch_in_hand(self, targets: int) -> None:
        in_hand = _in_hand.get()
        in_hand.is_small = targets <= _FEW
        in_hand.span.set_attribute("heliograph.targets", targets)

    @contextmanager
    def push(self, platform: str) -> Iterator[_Push]:
        in_hand = _in_hand.get()
        if not in_hand.is_small:
            yield _Push(INVALID_SPAN)
            return
        in_hand.is_told = True
        span = self._tracer.start_span(
            f"push {platform}", None, SpanKind.CLIENT, {"heliograph.platform": platform}
        )
        try:
            yield _Push(span)
        finally:
            span.end()

    def settled(self, outcomes: Iterable[str | None]) -> None:
        in_hand = _in_hand.get()
        in_hand.outcomes.update(outcome for outcome in outcomes if outcome is not None)
        in_hand.is_told |= bool(in_hand.outcomes)


@contextmanager
def _current(span: Span) -> Iterator[None]:
    """What is begun inside is part of it. What is raised may name a payload: it is not recorded."""
    if span.is_recording():
        know(trace_id=format_trace_id(span.get_span_context().trace_id))
    with use_span(span, record_exception=False, set_status_on_exception=False):
        yield


def _end(span: Span) -> None:
    """End it, with what is known by now of the work that was done."""
    span.set_attributes(
        {f"heliograph.{name}": one for name, one in known().items() if name != "trace_id"}
    )
    span.end()


def _messaging(stream: str, operation: str) -> dict[str, str]:
    return {
        "messaging.system": "nats",
        "messaging.destination.name": stream,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }
