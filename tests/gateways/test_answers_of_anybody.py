"""Answers of anybody's server: a push service is whatever a browser says it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from heliograph.gateways.guard import ANYWHERE
from heliograph.gateways.http2 import Http, NoResponse, NotAllowed, Request, Response
from heliograph.gateways.webpush import verdict_of
from heliograph.model.verdict import Delivered, Drop, Retry, Verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = 4096


@asynccontextmanager
async def server(answer: bytes) -> AsyncIterator[str]:
    """Answers each request with the bytes, then ends the connection."""

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"hello")
        writer.write(answer)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(on_connection, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/push"


async def answered(answer: bytes, *, asks: bool = False) -> Response | NoResponse | NotAllowed:
    async with server(answer) as url, Http(ANYWHERE) as http:
        return await http.exchange(Request(url=url, headers={}, body=b"hello", asks=asks))


@pytest.mark.parametrize(
    ("head", "meaning"),
    [
        (b"201 Created\r\nX-WNS-Status: \xff\xfe", Delivered()),
        (b"503 Busy\r\nRetry-After: \xff\xfe", Retry("HTTP 503")),
        (b"503 Busy\r\nRetry-After: 7\r\nX-Other: \xff", Retry("HTTP 503", timedelta(seconds=7))),
        (b"406 Slow\r\nX-WNS-Other: \xff", Retry("HTTP 406")),
        (b"201 Created\r\nX-WNS-STATUS: Dropped\r\nX-Other: \xff", Drop("Windows: Dropped")),
    ],
)
async def test_headers_that_are_no_text_are_passed_over(head: bytes, meaning: Verdict) -> None:
    answer = await answered(b"HTTP/1.1 " + head + b"\r\nContent-Length: 0\r\n\r\n")
    assert isinstance(answer, Response)
    assert verdict_of(answer, NOW) == meaning


async def test_of_a_long_answer_only_the_beginning_is_read() -> None:
    body = b"x" * 10 * LIMIT
    head = b"HTTP/1.1 400 No\r\nContent-Length: %d\r\n\r\n" % len(body)
    answer = await answered(head + body)
    assert isinstance(answer, Response)
    assert answer.body == body[:LIMIT]


async def test_what_a_success_says_is_read_if_it_was_asked_for() -> None:
    success = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
    asked, told = await answered(success, asks=True), await answered(success)
    assert isinstance(asked, Response)
    assert isinstance(told, Response)
    assert (asked.status, asked.body) == (200, b"yes")
    assert (told.status, told.body) == (200, b"")
