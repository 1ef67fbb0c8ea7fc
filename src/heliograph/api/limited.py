"""Routes for strangers, limited by address before anything of a request is read.

A device that is told to wait tries again by itself. A report is not refused but dropped, with 200:
Apple's SDK would send nothing else before it (see reporting.py).
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from functools import wraps

from starlette.requests import Request
from starlette.responses import Response

from heliograph.api.client_address import client_network
from heliograph.api.operation import Endpoint
from heliograph.api.state import api_of
from heliograph.model.errors import RateLimited

_Answer = Callable[[Request], Awaitable[Response]]


def refused_beyond_rate(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """The endpoints; an address that asks too often gets 429."""

    def limited(answer: _Answer) -> _Answer:
        @wraps(answer)
        async def within_rate(request: Request) -> Response:
            api_of(request).rates.addresses.take(client_network(request))
            return await answer(request)

        return within_rate

    def refusing(endpoint: Endpoint) -> Endpoint:
        operation = replace(endpoint.operation, refuses=(*endpoint.operation.refuses, 429))
        return replace(endpoint, answer=limited(endpoint.answer), operation=operation)

    return [refusing(endpoint) for endpoint in endpoints]


def dropped_beyond_rate(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """The endpoints; what an address asks too often gets 200 and is not looked at."""

    def limited(answer: _Answer) -> _Answer:
        @wraps(answer)
        async def within_rate(request: Request) -> Response:
            try:
                api_of(request).rates.reports.take(client_network(request))
            except RateLimited:
                return Response()
            return await answer(request)

        return within_rate

    return [replace(endpoint, answer=limited(endpoint.answer)) for endpoint in endpoints]
