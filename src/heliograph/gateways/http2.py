"""HTTP to the gateways: many requests in flight over few connections, to checked addresses only.

There is one client for each origin, bound to one address that the guard has passed. HTTP/2 is used
where the service speaks it, so that one connection carries hundreds of requests.
"""

import asyncio
import itertools
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Self
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from heliograph.gateways.guard import AddressRefused, Guard, HostUnknown
from heliograph.gateways.tls_alert import is_about_our_certificate

_CONNECT_TIMEOUT = timedelta(seconds=10)
_ANSWER_TIMEOUT = timedelta(seconds=30)
_PING_INTERVAL = timedelta(seconds=60)
_PING_TIMEOUT = timedelta(seconds=20)
_MAX_ORIGINS = 256
_WARM_FOR_S = 60.0
"""How long a connection is taken to be open after an answer."""
_MAX_ANSWER_BYTES = 4096
"""Of an answer's body no more is read: it may come from anybody's server."""
_SUCCESS = range(200, 300)
_PLACE_KEPT_S = 5.0
"""What is called off keeps its place on the connection for a while: the client goes on with it."""
_numbers = itertools.count(1)
_DEFAULT_PORTS = {"https": 443, "http": 80}
_SHORTEST_START = len("http://h")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A POST to a gateway."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    asks: bool = False
    """Something is asked, not handed over: the body of a success is wanted, too."""


class Response(msgspec.Struct, frozen=True):
    """A gateway's answer."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""
    """At most its first 4096 bytes; empty for a success, unless the request asked."""
    connection: int = 0
    """Which it came over, see `Http.renew`."""

    def header(self, name: str) -> str | None:
        """The header of the name in lower case; None if it isn't there, or is no ASCII."""
        try:
            return self.headers.get(name)
        except ValueError:
            return None


class NoResponse(msgspec.Struct, frozen=True):
    """There was no answer: not reached, cut off, or too late. The request may have arrived."""

    reason: str
    certificate_refused: bool = False
    """The server ended the TLS handshake over our client certificate."""
    host_unknown: bool = False
    """The host name could not be resolved."""


class NotAllowed(msgspec.Struct, frozen=True):
    """The request was not sent: its address is in a network that must not be reached."""


class _Origin:
    """A client that is bound to one address of one origin.

    A cold client would open a connection for each of many requests at once, only to find that the
    first can carry them all. So the first request goes alone and the others wait for it.
    """

    def __init__(
        self, client: Client, address: str, may_send: Callable[[], bool], streams: int
    ) -> None:
        self.client = client
        self.address = address
        self.number = next(_numbers)
        self.resolved_at = time.monotonic()
        self._may_send = may_send
        # What the client has got it sends, also if nobody wants it any more: so it gets no more
        # than it can send at once. (pyreqwest 0.15 does not end its request with our task.)
        self._streams = asyncio.Semaphore(streams)
        self._opening: asyncio.Future[bool | None] | None = None
        self._warm_until = 0.0

    @property
    def is_warm(self) -> bool:
        return time.monotonic() < self._warm_until

    def exchange(self, request: Request) -> Awaitable[Response | NoResponse]:
        return self._send(request) if self.is_warm else self._send_when_open(request)

    async def _send_when_open(self, request: Request) -> Response | NoResponse:
        while self._opening is not None:
            is_open = await asyncio.shield(self._opening)
            if is_open is not None:
                return await self._send(request) if is_open else NoResponse("no connection opened")
            # The first was called off: another takes its place.
        return await self._send_first(request)

    async def _send_first(self, request: Request) -> Response | NoResponse:
        self._opening = opening = asyncio.get_running_loop().create_future()
        is_open: bool | None = None
        try:
            answer = await self._send(request)
            is_open = self.is_warm
        finally:
            self._opening = None
            opening.set_result(is_open)
        return answer

    async def _send(self, request: Request) -> Response | NoResponse:
        await self._streams.acquire()
        if not self._may_send():
            self._streams.release()
            raise asyncio.CancelledError
        try:
            answer = await self._exchange(request)
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_later(_PLACE_KEPT_S, self._streams.release)
            raise
        except BaseException:
            self._streams.release()
            raise
        self._streams.release()
        return answer

    async def _exchange(self, request: Request) -> Response | NoResponse:
        builder = self.client.post(request.url).headers(request.headers).body_bytes(request.body)
        builder = builder.streamed_read_buffer_limit(_MAX_ANSWER_BYTES)
        try:
            async with builder.build_streamed() as answer:
                status, body = answer.status, None
                if request.asks or status not in _SUCCESS:
                    body = await answer.body_reader.read(_MAX_ANSWER_BYTES)
                response = Response(status, answer.headers, bytes(body or b""), self.number)
        except PyreqwestError as error:
            self._warm_until = 0.0
            # Its text may hold the endpoint, which is a secret; its type may not.
            return NoResponse(type(error).__name__, is_about_our_certificate(error))
        self._warm_until = time.monotonic() + _WARM_FOR_S
        return response


class Http:
    """Exchanges requests for answers; a context, at whose end its connections end.

    authority: CAs in PEM that are trusted besides the system's. identity: private key and client
    certificate in PEM. only_http2: the service is known to speak it; so one connection is opened,
    also when many requests find the last one closed. keep: how long a host name is taken to mean
    the same address, and so how long a connection may be used before the name is looked up again.
    streams: how many requests are sent at once on a connection, since more would wait unseen; no
    less than RFC 9113, 6.5.2 recommends to servers. may_send: asked right before each; if it says
    no, the request is called off.
    """

    def __init__(  # noqa: PLR0913  # all but one by name
        self,
        guard: Guard,
        authority: bytes | None = None,
        *,
        identity: bytes | None = None,
        only_http2: bool = False,
        keep: timedelta = timedelta(seconds=60),
        streams: int = 100,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        self._guard = guard
        self._authority = authority
        self._identity = identity
        self._only_http2 = only_http2
        self._keep = keep
        self._streams = streams
        self._may_send = may_send
        self._keep_s = keep.total_seconds()
        self._origins: OrderedDict[str, _Origin] = OrderedDict()
        self._resolving = WeakValueDictionary[str, asyncio.Lock]()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        for origin in self._origins.values():
            await origin.client.close()
        self._origins.clear()

    async def exchange(self, request: Request) -> Response | NoResponse | NotAllowed:
        """Send the request and wait for its answer, at most 35 seconds. Redirects stay answers."""
        key = origin_of(request.url)
        origin = self._fresh(key)
        if origin is None:
            try:
                origin = await self._opened(key)
            except AddressRefused:
                return NotAllowed()
            except HostUnknown:
                return NoResponse("the host name can't be resolved", host_unknown=True)
        answer = await origin.exchange(request)
        if isinstance(answer, NoResponse) and not origin.is_warm:
            origin.resolved_at = -math.inf
        return answer

    def renew(self, url: str, *, connection: int) -> None:
        """Open a new connection for the requests to come; those in flight end on the old one.

        connection: the one that an answer came over; if it is no longer used, nothing is done, so
        that many who find the same fault at once get one new connection between them.
        """
        key = origin_of(url)
        known = self._origins.get(key)
        if known is not None and known.number == connection:
            del self._origins[key]

    async def _opened(self, key: str) -> _Origin:
        """Raises AddressRefused, HostUnknown."""
        lock = self._resolving.get(key)
        if lock is None:
            self._resolving[key] = lock = asyncio.Lock()
        async with lock:
            return self._fresh(key) or await self._resolved(key)

    def _fresh(self, key: str) -> _Origin | None:
        known = self._origins.get(key)
        if known is None or time.monotonic() - known.resolved_at > self._keep_s:
            return None
        self._origins.move_to_end(key)
        return known

    async def _resolved(self, key: str) -> _Origin:
        url = urlsplit(key)
        host, port = url.hostname or "", url.port or _DEFAULT_PORTS[url.scheme]
        found = await self._guard.addresses_of(host, port, plain=url.scheme == "http")
        addresses = [str(address) for address in found]
        known = self._origins.get(key)
        # The order of the addresses changes all the time: one that is still there is kept.
        if known is None or known.address not in addresses:
            client = self._build(host, addresses[0], port)
            known = _Origin(client, addresses[0], self._may_send, self._streams)
        known.resolved_at = time.monotonic()
        self._origins[key] = known
        self._origins.move_to_end(key)
        if len(self._origins) > _MAX_ORIGINS:
            # Requests in flight keep their client alive until they are answered.
            self._origins.popitem(last=False)
        return known

    def _build(self, host: str, address: str, port: int) -> Client:
        builder = (
            ClientBuilder()
            .resolve(host, address, port)
            .http2_keep_alive_interval(_PING_INTERVAL)
            .http2_keep_alive_timeout(_PING_TIMEOUT)
            .http2_keep_alive_while_idle(enabled=True)
            .pool_idle_timeout(self._keep + _PING_INTERVAL)
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
        builder = (
            builder.http2_prior_knowledge() if self._only_http2 else builder.http2(enable=True)
        )
        if self._authority is not None:
            builder = builder.add_root_certificate_pem(self._authority)
        if self._identity is not None:
            # TLS 1.2 tells in the handshake that a certificate is refused; what 1.3 says behind it
            # is lost when the server ends the connection.
            builder = builder.identity_pem(self._identity).max_tls_version("TLSv1.2")
        return builder.build()


def origin_of(url: str) -> str:
    """Scheme, host and port if it isn't the scheme's own, as RFC 6454 writes it."""
    end = url.find("/", _SHORTEST_START)
    return _origin(url if end < 0 else url[:end])


@lru_cache(maxsize=4 * _MAX_ORIGINS)
def _origin(start: str) -> str:
    url = urlsplit(start)
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    port = "" if url.port in {None, _DEFAULT_PORTS.get(url.scheme)} else f":{url.port}"
    return f"{url.scheme}://{host}{port}"
