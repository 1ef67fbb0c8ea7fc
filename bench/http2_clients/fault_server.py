"""An HTTP/2 server that does what it is told at the wrong moment, and counts what reaches it.

For what the strict fake APNs of the tests can't be ordered to do. It runs in the event loop of the
program, so that its counts can be read as they are.
"""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, PingReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame

Behaviour = Callable[["Stream"], None]
"""Decides about a request that has arrived in full."""


@dataclass(slots=True, eq=False)
class Stream:
    """A request that has arrived in full."""

    connection: "Connection"
    number: int
    path: str

    def answer(self) -> None:
        """The notification is taken: 200."""
        self.connection.server.processed[self.path] += 1
        self.connection.answer(self.number)

    def refuse(self) -> None:
        """Not looked at, may be sent again (RFC 9113, 8.7)."""
        self.connection.reset(self.number, ErrorCodes.REFUSED_STREAM)

    def swallow(self) -> None:
        """The notification is taken, but nobody will be told."""
        self.connection.server.processed[self.path] += 1


@dataclass(slots=True, eq=False)
class FaultServer:
    """What has reached the server. processed: how often a notification was taken, by path."""

    behaviour: Behaviour
    max_streams: int
    port: int = 0
    names: list[str | None] = field(default_factory=list)
    connections: list["Connection"] = field(default_factory=list)
    arrived: Counter[str] = field(default_factory=Counter)
    processed: Counter[str] = field(default_factory=Counter)
    pings: int = 0
    streams_reset: int = 0

    def processed_twice(self) -> int:
        """Notifications that a device would show again, each time counted."""
        return sum(max(0, count - 1) for count in self.processed.values())


@asynccontextmanager
async def fault_server(
    tls: ssl.SSLContext, behaviour: Behaviour = Stream.answer, *, max_streams: int = 500
) -> AsyncIterator[FaultServer]:
    """Serve on a port of this machine until the end of the context."""
    server = FaultServer(behaviour, max_streams)
    # Not every handshake asks for a name; the list has one entry for each.
    tls.sni_callback = lambda _socket, name, _context: server.names.append(name)
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server.port = int(listening.getsockname()[1])
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: Connection(server), sock=listening, ssl=tls)
    try:
        yield server
    finally:
        listener.close()
        for connection in server.connections:
            connection.cut()


class Connection(asyncio.Protocol):
    """One connection whose TLS handshake has succeeded."""

    def __init__(self, server: FaultServer) -> None:
        self.server = server
        self._transport: asyncio.Transport | None = None
        self._paths: dict[int, str] = {}
        self._last_number: int | None = None
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass
        self.server.connections.append(self)
        self._h2.initiate_connection()
        self._h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: self.server.max_streams})
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        try:
            events = self._h2.receive_data(data)
        except ProtocolError:
            self.cut()
            return
        for event in events:
            self._take(event)
        self._flush()

    def answer(self, number: int) -> None:
        if self._transport is not None:
            with suppress(ProtocolError):  # a stream that the client has given up
                self._h2.send_headers(number, [(":status", "200")], end_stream=True)
            self._flush()

    def reset(self, number: int, code: ErrorCodes) -> None:
        self._h2.reset_stream(number, code)
        self._flush()

    def go_away(self, last_number: int, code: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        """Streams above the last number are not looked at from now on."""
        self._last_number = last_number
        if self._transport is not None:
            # h2 would end the connection with its own GOAWAY, and answer nothing any more.
            frame = GoAwayFrame(last_stream_id=last_number, error_code=int(code))
            self._transport.write(frame.serialize())

    def end(self) -> None:
        """Send what is written, then close as TLS wants it."""
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """End the connection without a goodbye."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived():
                headers = {str(name): str(value) for name, value in event.headers}
                self._paths[event.stream_id] = headers[":path"]
            case DataReceived():
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case StreamReset():
                self.server.streams_reset += 1
            case PingReceived():
                self.server.pings += 1
            case StreamEnded():
                self._arrived(event.stream_id)
            case _:
                pass

    def _arrived(self, number: int) -> None:
        path = self._paths.pop(number)
        self.server.arrived[path] += 1
        if self._last_number is None or number <= self._last_number:
            self.server.behaviour(Stream(self, number, path))

    def _flush(self) -> None:
        if self._transport is not None:
            self._transport.write(self._h2.data_to_send())
