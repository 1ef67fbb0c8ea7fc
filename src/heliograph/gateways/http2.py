"""HTTP to the gateways: many requests in flight over few connections, to checked addresses only.

There is one client for each origin, bound to one address that the guard has passed. HTTP/2 is used
where the service speaks it, so that one connection carries hundreds of requests.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.response import Response as Answer

from heliograph.gateways.guard import AddressRefused, Guard, HostUnknown

_CONNECT_TIMEOUT = timedelta(seconds=10)
_ANSWER_TIMEOUT = timedelta(seconds=30)
_PING_INTERVAL = timedelta(seconds=60)
_PING_TIMEOUT = timedelta(seconds=20)
_MAX_CLIENTS = 1000
_RESOLVED_FOR_S = 60.0
"""How long a host name is taken to mean the same address."""
_MAX_ANSWER_BYTES = 4096
"""Of an answer's body no more is read: it may come from anybody's server."""
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A POST to a gateway."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """A gateway's answer."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """At most its first 4096 bytes."""


@dataclass(frozen=True, slots=True)
class NoResponse:
    """There was no answer: not reached, cut off, or too late. The request may have arrived."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """The request was not sent: its address is in a network that must not be reached."""


@dataclass(slots=True)
class _Origin:
    """A client that is bound to one address of one origin."""

    client: Client
    address: str
    resolved_at: float


class Http:
    """Exchanges requests for answers. Close it to end its connections.

    authority: a CA in PEM that is trusted besides the system's.
    """

    def __init__(self, guard: Guard, authority: bytes | None = None) -> None:
        self._guard = guard
        self._authority = authority
        self._origins: OrderedDict[str, _Origin] = OrderedDict()
        self._resolving: dict[str, asyncio.Lock] = {}

    async def exchange(self, request: Request) -> Response | NoResponse | NotAllowed:
        """Send the request and wait for its answer, at most 40 seconds. Redirects stay answers."""
        try:
            client = await self._client_for(urlsplit(request.url))
        except AddressRefused:
            return NotAllowed()
        except HostUnknown:
            return NoResponse("the host name can't be resolved")
        builder = client.post(request.url).headers(dict(request.headers))
        try:
            async with builder.body_bytes(request.body).build_streamed() as answer:
                return await _read(answer)
        except PyreqwestError as error:
            # Its text may hold the endpoint, which is a secret; its type may not.
            return NoResponse(type(error).__name__)

    async def close(self) -> None:
        for origin in self._origins.values():
            await origin.client.close()
        self._origins.clear()

    async def _client_for(self, url: SplitResult) -> Client:
        key = origin_of(url)
        known = self._origins.get(key)
        if known is not None and time.monotonic() - known.resolved_at < _RESOLVED_FOR_S:
            self._origins.move_to_end(key)
            return known.client
        lock = self._resolving.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                return await self._resolved(key, url)
        finally:
            if not lock.locked():
                self._resolving.pop(key, None)

    async def _resolved(self, key: str, url: SplitResult) -> Client:
        known = self._origins.get(key)
        if known is not None and time.monotonic() - known.resolved_at < _RESOLVED_FOR_S:
            return known.client
        host, port = url.hostname or "", url.port or _DEFAULT_PORTS[url.scheme]
        found = await self._guard.address_of(host, port, plain=url.scheme == "http")
        address = str(found)
        if known is None or known.address != address:
            client = self._build(host, address, port)
            known = _Origin(client, address, time.monotonic())
        known.resolved_at = time.monotonic()
        self._origins[key] = known
        self._origins.move_to_end(key)
        if len(self._origins) > _MAX_CLIENTS:
            # Requests in flight keep their client alive until they are answered.
            self._origins.popitem(last=False)
        return known.client

    def _build(self, host: str, address: str, port: int) -> Client:
        builder = (
            ClientBuilder()
            .resolve(host, address, port)
            .http2(enable=True)
            .http2_keep_alive_interval(_PING_INTERVAL)
            .http2_keep_alive_timeout(_PING_TIMEOUT)
            .follow_redirects(enable=False)
            .no_proxy()
            .gzip(enable=False)
            .brotli(enable=False)
            .zstd(enable=False)
            .deflate(enable=False)
            .user_agent("heliograph")
            .connect_timeout(_CONNECT_TIMEOUT)
            .timeout(_ANSWER_TIMEOUT)
        )
        if self._authority is not None:
            builder = builder.add_root_certificate_pem(self._authority)
        return builder.build()


def origin_of(url: SplitResult) -> str:
    """Scheme, host and port if it isn't the scheme's own, as RFC 6454 writes it."""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    port = "" if url.port in {None, _DEFAULT_PORTS.get(url.scheme)} else f":{url.port}"
    return f"{url.scheme}://{host}{port}"


async def _read(answer: Answer) -> Response:
    body = await answer.body_reader.read(_MAX_ANSWER_BYTES)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(answer.status, headers, bytes(body or b""))
