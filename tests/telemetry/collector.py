"""An OpenTelemetry collector: takes traces by OTLP over HTTP, and keeps them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan

from tests.waiting import eventually


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span as it was exported. process: of its resource."""

    name: str
    kind: str
    trace_id: str
    id: str
    parent_id: str
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]


class Collector:
    """A running collector."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.spans: list[Span] = []
        self.received = b""

    def trace(self, trace_id: str) -> list[Span]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def wait_for(self, trace_id: str, name: str, *, count: int = 1) -> list[Span]:
        """Wait until the trace has so many spans of a name, and return these."""

        def there() -> list[Span]:
            found = [span for span in self.trace(trace_id) if span.name == name]
            return found if len(found) >= count else []

        return eventually(there)

    def keep(self, body: bytes) -> None:
        self.received += body
        for one in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = _plain(one.resource.attributes)
            self.spans += [
                Span(
                    name=span.name,
                    kind=WireSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    trace_id=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    attributes=_plain(span.attributes),
                    resource=resource,
                )
                for scope in one.scope_spans
                for span in scope.spans
            ]


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # as it is called
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                collector.keep(body)
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.end_headers()

        def log_message(self, *_message: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(server.server_address[1])
    serving = Thread(target=server.serve_forever)
    serving.start()
    try:
        yield collector
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def _plain(attributes: Any) -> dict[str, Any]:
    """Names and values: an AnyValue has one of several members."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
