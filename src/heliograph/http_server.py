"""The HTTP server: its socket, its certificate, and how it answers until it is stopped."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from heliograph import data
from heliograph.api.certificate import Certificate, CertificateFiles
from heliograph.api.protocol import BACKLOG, HttpServer, JsonErrorProtocol
from heliograph.config import Settings
from heliograph.model.errors import Misconfigured
from heliograph.setting_values import ListenAddress
from heliograph.store import directory

logger = logging.getLogger(__name__)

_METRICS_FAREWELL_S = 2


async def answer(
    app: ASGIApp,
    listener: socket.socket,
    certificate: Certificate | None,
    stopping: asyncio.Event,
    settings: Settings,
) -> None:
    """Answer requests until `stopping` is set, then finish those in hand."""
    # No access log: paths hold device ids, and a device id is all that its owner proves.
    config = uvicorn.Config(
        app,
        http=JsonErrorProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        # Where a client is, api/client_address.py finds out, by our own setting.
        proxy_headers=False,
        lifespan="off",
        ssl_context_factory=(lambda *_: certificate.context) if certificate else None,
        timeout_graceful_shutdown=round(settings.drain.total_seconds()),
    )
    server = HttpServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopped = asyncio.create_task(stopping.wait())
    logger.info("listening on %s", settings.base_url)
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopped.cancel()
    await serving


def certificate(settings: Settings, path: Path) -> Certificate | None:
    """What the server shows if it speaks TLS. Raises Misconfigured."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    files = CertificateFiles(settings.tls_cert, settings.tls_key)
    return Certificate(files, partial(directory.note_certificate, path), data.now)


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """The socket of the API. Raises Misconfigured if the address can't be had."""
    remedy = "Choose another with --port PORT or --host HOST."
    with _listener(settings.host, settings.port, remedy) as listener:
        yield listener


@asynccontextmanager
async def answered_at(address: ListenAddress, app: ASGIApp) -> AsyncIterator[None]:
    """Answer for the metrics, as long as the block lasts. Raises Misconfigured."""
    remedy = "Choose another with --metrics HOST:PORT, one for each process."
    with _listener(address.host, address.port, remedy) as listener:
        config = uvicorn.Config(
            app,
            http=JsonErrorProtocol,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            timeout_graceful_shutdown=_METRICS_FAREWELL_S,
        )
        server = HttpServer(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        logger.info("metrics are at %s port %d", address.host, address.port)
        try:
            yield
        finally:
            server.should_exit = True
            await serving


def _listener(host: str, port: int, remedy: str) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        reason = f"can't listen on {host} port {port}: {error.strerror}"
        raise Misconfigured(reason, remedy) from error


@contextmanager
def kept_current(certificate: Certificate) -> Iterator[None]:
    """Take a renewed certificate when there is one, for as long as the block lasts."""
    watching = asyncio.create_task(certificate.keep_current())
    try:
        yield
    finally:
        watching.cancel()
