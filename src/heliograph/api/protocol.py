"""HTTP itself: uvicorn, but for what does not fit here."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

BACKLOG = 1024
_TLS_FAREWELL_S = 2.0
_PATIENCE_S = 60.0
_PATIENCE_AT_THE_END_S = 2.0
"""How long a client may leave what it is sent unread, once there is no more room for it."""
_REFUSAL = b'{"error":"Bad Request","description":"The request is not valid HTTP"}'


class JsonErrorProtocol(HttpToolsProtocol):
    """Refuses what can't be read as HTTP in the same shape as everything else.

    And leaves a client that does not read what it is sent: uvicorn would wait for ever.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._patience_s = _PATIENCE_S
        self._leaving: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._leave_later()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stay()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stay()

    def shutdown(self) -> None:
        """Finish the request in hand, but wait no longer for who does not read."""
        super().shutdown()
        self._patience_s = _PATIENCE_AT_THE_END_S
        if self._leaving is not None:
            self._leave_later()

    def _leave_later(self) -> None:
        self._stay()
        self._leaving = self.loop.call_later(self._patience_s, self.transport.abort)

    def _stay(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
        self._leaving = None

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
