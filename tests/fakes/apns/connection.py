"""One HTTP/2 connection to the fake, decided frame by frame with h2.

As the real one does, it lets a sender with a provider token have one stream until a request with
it has been taken, and again after each refusal but 410.
"""

import asyncio
import json
import sys
from dataclasses import dataclass, field
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RequestReceived,
    SettingsAcknowledged,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError
from hyperframe.frame import GoAwayFrame

from tests.fakes.apns.credentials import Pinned
from tests.fakes.apns.ledger import Ledger, Request
from tests.fakes.apns.orders import Order
from tests.fakes.apns.rules import RefusedError
from tests.fakes.apns.streams import Streams

GOODBYE_S = 2.0
"""How long after a GOAWAY the connection ends."""
GRACE_S = 1.0
"""How long after the announcement of a graceful end streams are still taken."""
LAST_POSSIBLE_STREAM = 2**31 - 1


@dataclass(slots=True)
class Stream:
    """A request that comes in."""

    headers: list[tuple[str, str]]
    body: bytearray = field(default_factory=bytearray)

    @property
    def token(self) -> str:
        return dict(self.headers)[":path"].rpartition("/")[2]


class Connection(asyncio.Protocol):
    """Answers the requests of one connection."""

    def __init__(self, ledger: Ledger, *, sandbox: bool) -> None:
        self.ledger = ledger
        self.transport: asyncio.Transport | None = None
        self.sandbox = sandbox
        self.certificate: bytes | None = None
        self.pinned = Pinned()
        self.requests = 0
        self.is_deaf = False
        self._streams = Streams()
        self._coming: dict[int, Stream] = {}
        self._last: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._latest = 0
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass
        tls = transport.get_extra_info("ssl_object")
        self.certificate = tls.getpeercert(binary_form=True)
        self.ledger.connections.append(self)
        if tls.selected_alpn_protocol() != "h2":
            self._break_off(RefusedError(0, "Protocol", "no HTTP/2 was negotiated"))
            return
        self._streams.begin(self._h2, 1 if self.certificate is None else self.ledger.max_streams)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None

    @property
    def is_open(self) -> bool:
        return self.transport is not None

    def data_received(self, data: bytes) -> None:
        if self.is_deaf:
            return
        try:
            events = self._h2.receive_data(data)
        except ProtocolError as error:
            self._flush()
            self._break_off(RefusedError(0, "Protocol", str(error)))
            return
        for event in events:
            self._take(event)
        self._flush()

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived():
                # Most are the same in all requests, and all are kept.
                headers = [(sys.intern(str(k)), sys.intern(str(v))) for k, v in event.headers]
                self._begin(event.stream_id, headers)
            case DataReceived():
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if event.stream_id in self._coming:
                    self._coming[event.stream_id].body += event.data
            case StreamReset():
                self._coming.pop(event.stream_id, None)
                self._streams.open.discard(event.stream_id)
            case SettingsAcknowledged():
                self._streams.acknowledge()
            case StreamEnded():
                stream = self._coming.pop(event.stream_id, None)
                if stream is not None:
                    self._start_answer(event.stream_id, stream)
            case _:
                pass

    def _begin(self, stream_id: int, headers: list[tuple[str, str]]) -> None:
        stream = Stream(headers)
        if not self._streams.opens(stream_id):
            detail = f"{len(self._streams.open)} streams"
            self.ledger.refuse(stream.token, RefusedError(0, "MaxConcurrentStreams", detail))
            self._reset(stream_id, ErrorCodes.REFUSED_STREAM)
            return
        order = None if self._is_above_goaway(stream_id) else self._early_order(stream)
        if order is None:
            self._coming[stream_id] = stream
        else:
            self._end_early(stream_id, order)

    def _early_order(self, stream: Stream) -> Order | None:
        order = self.ledger.orders.take_early(stream.token)
        if order is not None:
            self.ledger.seen(stream.token, dict(stream.headers))
        return order

    def _start_answer(self, stream_id: int, stream: Stream) -> None:
        if self._is_above_goaway(stream_id):
            self.ledger.above_goaway += 1
            return
        self._latest = max(self._latest, stream_id)
        task = asyncio.create_task(self._answer(stream_id, stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, stream_id: int, stream: Stream) -> None:
        self.requests += 1
        token = stream.token
        request = self.ledger.seen(token, dict(stream.headers))
        try:
            accept = self.ledger.judge(self, stream.headers, token, bytes(stream.body))
        except RefusedError as error:
            self.ledger.refuse(token, error)
            self._respond(stream_id, request, Order(status=error.status, reason=error.reason))
            return
        order = self.ledger.order_for(token)
        await self.ledger.gate.wait()
        if order.silent:
            return
        if order.status == 200 and order.reset != ErrorCodes.REFUSED_STREAM.name:
            accept()
        if order.delay_s:
            await asyncio.sleep(order.delay_s)
        self._carry_out(stream_id, request, order)

    def _carry_out(self, stream_id: int, request: Request, order: Order) -> None:
        if not order.cut and not order.reset:
            self._respond(stream_id, request, order)
            if order.goaway:
                self._say_goodbye(order)
            return
        if order.at == "answer" and self.is_open:
            self._h2.send_headers(stream_id, _head(request, order))
            self._h2.send_data(stream_id, order.content()[:5])
            self._flush()
        self._end_early(stream_id, order)

    def _end_early(self, stream_id: int, order: Order) -> None:
        if order.cut:
            self.cut()
        else:
            self._reset(stream_id, ErrorCodes[order.reset])

    def _respond(self, stream_id: int, request: Request, order: Order) -> None:
        request.status, request.reason = order.status, order.reason
        self._streams.open.discard(stream_id)
        if not self.is_open:
            return
        body = order.content()
        try:
            self._h2.send_headers(stream_id, _head(request, order), end_stream=not body)
            if body:
                self._h2.send_data(stream_id, body, end_stream=True)
        except ProtocolError:
            return
        self._flush()
        if self.certificate is None and order.status != 410:
            self.limit(self.ledger.max_streams if order.status == 200 else 1)

    def _reset(self, stream_id: int, code: ErrorCodes) -> None:
        self._streams.open.discard(stream_id)
        if self.is_open:
            self._h2.reset_stream(stream_id, code)
            self._flush()

    def limit(self, streams: int) -> None:
        """Announce how many streams the sender may have."""
        if self.transport is not None:
            self.transport.write(self._streams.announcement(streams))

    def _say_goodbye(self, order: Order) -> None:
        if order.goaway == "graceful":
            self._send_goaway(LAST_POSSIBLE_STREAM, "")
            loop = asyncio.get_running_loop()
            loop.call_later(GRACE_S, self._go_away, order.reason)
        else:
            self._go_away(order.reason)

    def _go_away(self, reason: str) -> None:
        """What came in so far is answered; what comes later is not looked at."""
        if self._last is None:
            self._last = self._latest
            self._send_goaway(self._last, reason)
            asyncio.get_running_loop().call_later(GOODBYE_S, self.cut)

    def _send_goaway(self, last: int, reason: str) -> None:
        # h2 would end the connection with its own GOAWAY, and answer nothing any more.
        data = json.dumps({"reason": reason}).encode() if reason else b""
        if self.transport is not None:
            frame = GoAwayFrame(last_stream_id=last, additional_data=data)
            self.transport.write(frame.serialize())

    def _is_above_goaway(self, stream_id: int) -> bool:
        return self._last is not None and stream_id > self._last

    def _break_off(self, error: RefusedError) -> None:
        self.ledger.refuse("", error)
        if self.transport is not None:
            self.transport.close()

    def cut(self) -> None:
        """End the connection without a goodbye."""
        if self.transport is not None:
            self.transport.abort()

    def _flush(self) -> None:
        if self.transport is not None:
            self.transport.write(self._h2.data_to_send())


def _head(request: Request, order: Order) -> list[tuple[str, str]]:
    head = [(":status", str(order.status)), ("apns-id", request.apns_id)]
    return head + list(order.headers.items())
