"""TCP connections, served by Hypercorn, each with a count of what passes over it."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework
from starlette.types import ASGIApp, Receive, Scope, Send

IDLE_TIMEOUT_S = 3600
BACKLOG = 1024


@dataclass(slots=True, kw_only=True, eq=False)
class Connection:
    """One connection whose TLS handshake, if any, succeeded."""

    http_version: str
    requests: int = 0
    in_flight: int = 0
    peak_in_flight: int = 0
    is_open: bool = True

    @contextmanager
    def request(self) -> Iterator[None]:
        self.requests += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        try:
            yield
        finally:
            self.in_flight -= 1


@dataclass(slots=True, kw_only=True, eq=False)
class Listener:
    """One port. connections: those opened or used since the last reset, in that order."""

    app: ASGIApp
    tls: ssl.SSLContext | None = None
    connections: list[Connection] = field(default_factory=list)
    _open: dict[Connection, asyncio.StreamWriter] = field(default_factory=dict)

    async def start(self, listening: socket.socket) -> asyncio.Server:
        return await asyncio.start_server(
            self._serve, sock=listening, ssl=self.tls, backlog=BACKLOG
        )

    def cut(self) -> None:
        """End all connections at once, without a goodbye, whatever is in flight."""
        for connection, writer in self._open.items():
            writer.transport.abort()
            connection.is_open = False

    def reset(self) -> None:
        self.connections.clear()
        for connection in self._open:
            connection.requests = 0
            connection.peak_in_flight = connection.in_flight

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tls = writer.get_extra_info("ssl_object")
        is_http2 = tls is not None and tls.selected_alpn_protocol() == "h2"
        connection = Connection(http_version="2" if is_http2 else "1.1")
        self.connections.append(connection)
        self._open[connection] = writer
        try:
            await _hypercorn(self._counting(connection), reader, writer)
        finally:
            connection.is_open = False
            del self._open[connection]

    def _counting(self, connection: Connection) -> ASGIApp:
        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            if connection.requests == 0 and connection not in self.connections:
                self.connections.append(connection)
            with connection.request():
                await self.app(scope, receive, send)

        return counting


async def _hypercorn(
    app: ASGIApp, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    config = Config()
    config.include_date_header = config.include_server_header = False  # costly, and of no use
    config.keep_alive_timeout = IDLE_TIMEOUT_S
    # Hypercorn would end an HTTP/2 connection after a thousand requests, with streams in flight.
    config.keep_alive_max_requests = 10**9
    wrapped = ASGIWrapper(cast(ASGIFramework, app))
    loop = asyncio.get_running_loop()
    await TCPServer(wrapped, loop, config, WorkerContext(None), {}, reader, writer)
