"""One HTTP/2 connection to the fake, decided frame by frame with h2.

As the real one does, it lets a sender with a provider token have one stream until a request with
it has been taken, and again after each refusal but 410.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame

from tests.fakes.apns.ledger import Ledger, Order, Request
from tests.fakes.apns.rules import RefusedError

GOODBYE_S = 1.0
"""How long after a GOAWAY the connection ends."""


@dataclass(slots=True)
class Stream:
    """A request that comes in."""

    headers: list[tuple[str, str]]
    body: bytearray = field(default_factory=bytearray)


class Connection(asyncio.Protocol):
    """Answers the requests of one connection."""

    def __init__(self, ledger: Ledger, *, sandbox: bool) -> None:
        self.ledger = ledger
        self.transport: asyncio.Transport | None = None
        self.sandbox = sandbox
        self.team: tuple[str, str] | None = None
        self.issued: int | None = None
        self.poisoned = False
        self.requests = 0
        self._streams: dict[int, Stream] = {}
        self._last: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._working: set[int] = set()
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass
        self.certificate = transport.get_extra_info("ssl_object").getpeercert()
        self.ledger.connections.append(self)
        self._h2.initiate_connection()
        self._limit(1 if not self.certificate else self.ledger.max_streams)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None

    @property
    def is_open(self) -> bool:
        return self.transport is not None

    def data_received(self, data: bytes) -> None:
        try:
            events = self._h2.receive_data(data)
        except ProtocolError as error:
            self.ledger.refuse("", RefusedError(400, "Protocol", str(error)))
            self._flush()
            self.cut()
            return
        for event in events:
            self._take(event)
        self._flush()

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._streams[event.stream_id] = Stream(
                    [(str(k), str(v)) for k, v in event.headers]
                )
            case DataReceived():
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if event.stream_id in self._streams:
                    self._streams[event.stream_id].body += event.data
            case StreamReset():
                self._streams.pop(event.stream_id, None)
            case StreamEnded():
                stream = self._streams.pop(event.stream_id)
                if self._last is not None and event.stream_id > self._last:
                    self.ledger.above_goaway += 1
                    return
                self._working.add(event.stream_id)
                task = asyncio.create_task(self._answer(event.stream_id, stream))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case _:
                pass

    async def _answer(self, stream_id: int, stream: Stream) -> None:
        self.requests += 1
        headers = dict(stream.headers)
        token = headers[":path"].rpartition("/")[2]
        request = self.ledger.seen(token, headers)
        try:
            accept = self.ledger.judge(self, stream.headers, token, bytes(stream.body))
        except RefusedError as error:
            self.ledger.refuse(token, error)
            self._respond(stream_id, request, Order(status=error.status, reason=error.reason))
            return
        order = self.ledger.order_for(token)
        await self.ledger.gate.wait()
        if order.status == 200:
            accept()
        if order.delay_s:
            await asyncio.sleep(order.delay_s)
        self._carry_out(stream_id, request, order)

    def _carry_out(self, stream_id: int, request: Request, order: Order) -> None:
        if order.cut:
            self.cut()
            return
        if order.reset and self.is_open:
            self._h2.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
            self._flush()
            return
        self._respond(stream_id, request, order)
        if order.goaway:
            self._go_away(order.reason)

    def _respond(self, stream_id: int, request: Request, order: Order) -> None:
        request.status, request.reason = order.status, order.reason
        if not self.is_open:
            return
        said: dict[str, object] = {"reason": order.reason}
        if order.timestamp_ms is not None:
            said["timestamp"] = order.timestamp_ms
        body = b"" if order.status == 200 else json.dumps(said).encode()
        answer = [(":status", str(order.status)), ("apns-id", request.apns_id)]
        answer += list(order.headers.items())
        try:
            self._h2.send_headers(stream_id, answer, end_stream=not body)
            if body:
                self._h2.send_data(stream_id, body, end_stream=True)
        except ProtocolError:
            return
        if not self.certificate and order.status != 410:
            self._limit(self.ledger.max_streams if order.status == 200 else 1)
        self._flush()

    def _limit(self, streams: int) -> None:
        if self._h2.local_settings.max_concurrent_streams != streams or not self.requests:
            self._h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: streams})
        self._flush()

    def _go_away(self, reason: str) -> None:
        """What came in so far is answered; what comes later is not looked at."""
        if self._last is not None or self.transport is None:
            return
        self._last = max(self._working)
        data = json.dumps({"reason": reason}).encode()
        # h2 would end the connection with its own GOAWAY, and answer nothing any more.
        self.transport.write(
            GoAwayFrame(last_stream_id=self._last, additional_data=data).serialize()
        )
        asyncio.get_running_loop().call_later(GOODBYE_S, self.cut)

    def cut(self) -> None:
        """End the connection without a goodbye."""
        if self.transport is not None:
            self.transport.abort()

    def _flush(self) -> None:
        if self.transport is not None:
            self.transport.write(self._h2.data_to_send())
