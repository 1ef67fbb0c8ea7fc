"""Routes for strangers, limited by address before anything of a request is read.

A device that is told to wait tries again by itself. A report is not refused but dropped, with 200:
Apple's SDK would send nothing else before it (see reporting.py).
"""

from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heliograph.api.client_address import client_network
from heliograph.api.state import api_of
from heliograph.model.errors import RateLimited

_Endpoint = Callable[[Request], Awaitable[Response]]


def refused_beyond_rate(routes: Iterable[Route]) -> list[Route]:
    """The routes; an address that asks too often gets 429."""

    def limited(endpoint: _Endpoint) -> _Endpoint:
        async def within_rate(request: Request) -> Response:
            api_of(request).rates.addresses.take(client_network(request))
            return await endpoint(request)

        return within_rate

    return [_with(route, limited(route.endpoint)) for route in routes]


def dropped_beyond_rate(routes: Iterable[Route]) -> list[Route]:
    """The routes; what an address asks too often gets 200 and is not looked at."""

    def limited(endpoint: _Endpoint) -> _Endpoint:
        async def within_rate(request: Request) -> Response:
            try:
                api_of(request).rates.reports.take(client_network(request))
            except RateLimited:
                return Response()
            return await endpoint(request)

        return within_rate

    return [_with(route, limited(route.endpoint)) for route in routes]


def _with(route: Route, endpoint: _Endpoint) -> Route:
    return Route(route.path, endpoint, methods=sorted(route.methods or ()), name=route.name)
