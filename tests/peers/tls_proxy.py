"""A TLS-terminating proxy, for the one SDK that lets neither host nor port be set."""

import asyncio
import ssl
import threading
from asyncio import AbstractEventLoop, StreamReader, StreamWriter
from contextlib import suppress
from pathlib import Path
from typing import Self

import trustme

HTTPS_PORT = 443
START_TIMEOUT_S = 10
CHUNK_BYTES = 65536


class TlsProxy:
    """Passes what comes over TLS to port 443 on to a port here, from a thread. A context.

    host: what its certificate is for. address: where it listens. ca_file: the authority that its
    certificate is of.
    """

    def __init__(self, port: int, directory: Path, *, host: str, address: str) -> None:
        self.address = address
        authority = trustme.CA()
        self.ca_file = directory / "proxy-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host).configure_cert(self._context)
        self._port = port
        self._loop: AbstractEventLoop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        serving = asyncio.start_server(self._pass_on, self.address, HTTPS_PORT, ssl=self._context)
        started = asyncio.run_coroutine_threadsafe(serving, self._loop)
        try:
            self._server = started.result(START_TIMEOUT_S)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._stop()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_TIMEOUT_S)
        self._loop.close()

    async def _pass_on(self, client: StreamReader, to_client: StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        answering = asyncio.create_task(_copy(server, to_client))
        await _copy(client, to_server)
        await answering


async def _copy(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(OSError, ssl.SSLError):
        while content := await reader.read(CHUNK_BYTES):
            writer.write(content)
            await writer.drain()
    with suppress(OSError, ssl.SSLError):
        writer.close()
