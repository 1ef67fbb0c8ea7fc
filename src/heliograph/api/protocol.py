"""HTTP itself: uvicorn, but for what does not fit here."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

BACKLOG = 1024
_TLS_FAREWELL_S = 2.0
_REFUSAL = b'{"error":"Bad Request","description":"The request is not valid HTTP"}'


class JsonErrorProtocol(HttpToolsProtocol):
    """What can't be read as HTTP is refused in the same shape as everything else."""

    def send_400_response(self, msg: str) -> None:
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            "content-type: application/json\r\n"
            f"content-length: {len(_REFUSAL)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + _REFUSAL)
        self.transport.close()


class HttpServer(uvicorn.Server):
    """Leaves signals to the command, and does not wait long for the end of TLS connections."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen as uvicorn does, but for the timeout, which it leaves at 30 s.

        So long would a stop take: a client with nothing to ask doesn't read, nor answer a farewell.
        """
        await self.lifespan.startup()
        timeout = _TLS_FAREWELL_S if self.config.ssl else None
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                self._protocol,
                sock=listener,
                backlog=BACKLOG,
                ssl=self.config.ssl,
                ssl_shutdown_timeout=timeout,
            )
            for listener in sockets or []
        ]
        self.started = True

    def _protocol(self) -> asyncio.Protocol:
        return JsonErrorProtocol(self.config, self.server_state, self.lifespan.state)
