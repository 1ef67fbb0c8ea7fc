"""Watching over requests: what the log, the figures and the traces are told of each.

Paths go nowhere: they hold device ids and user ids. A route's template stands for them.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache, wraps
from time import perf_counter

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heliograph.api.operation import Endpoint
from heliograph.api.state import api_of
from heliograph.model.errors import (
    Forbidden,
    HeliographError,
    Incomplete,
    Invalid,
    Malformed,
    Mismatch,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from heliograph.telemetry.logs import begin
from heliograph.telemetry.watch import UNWATCHED, Watch

_INSTANCE = re.compile(r"/instances/([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})(?:/|$)")
_CONVERTOR = re.compile(r":[a-z]+\}")
_NO_ROUTE = "none"
_UNANSWERED = 500
_REFUSED: Mapping[type[HeliographError], str] = {
    Malformed: "invalid",
    Incomplete: "invalid",
    Invalid: "invalid",
    Mismatch: "invalid",
    Unauthorized: "unauthorized",
    Forbidden: "unauthorized",
    NotFound: "not_found",
    RateLimited: "rate_limited",
    Unavailable: "unavailable",
}


def watched(app: ASGIApp, watch: Watch) -> ASGIApp:
    """The application, watched; each request's log lines say which instance it is about."""
    return _named(app if watch is UNWATCHED else _told(app, watch))


def counted(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """The endpoints of publishes, each counted as accepted or as refused."""
    return [replace(one, answer=_counted(one.answer, _audience_of(one))) for one in endpoints]


def _named(app: ASGIApp) -> ASGIApp:
    async def naming(scope: Scope, receive: Receive, send: Send) -> None:
        found = _INSTANCE.search(scope["path"]) if scope["type"] == "http" else None
        # A request that came behind another may begin in what is known of that.
        begin({} if found is None else {"instance_id": found[1].lower()})
        await app(scope, receive, send)

    return naming


def _told(app: ASGIApp, watch: Watch) -> ASGIApp:
    async def telling(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        status, began = _UNANSWERED, perf_counter()

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        watch.meter.request_began()
        with watch.tracer.request(scope["method"], scope["headers"]) as step:
            try:
                await app(scope, receive, note)
            finally:
                route, seconds = _route_of(scope), perf_counter() - began
                step.answered(route=route, status=status)
                watch.meter.request_ended(
                    route=route, method=scope["method"], status=status, seconds=seconds
                )

    return telling


def _route_of(scope: Scope) -> str:
    return _template_of(scope["route"].path) if "route" in scope else _NO_ROUTE


@lru_cache
def _template_of(path: str) -> str:
    """Without the kinds of its parts, which Starlette alone knows."""
    return _CONVERTOR.sub("}", path)


def _audience_of(endpoint: Endpoint) -> str:
    return "users" if endpoint.path.endswith("/users") else "interests"


def _counted(
    answer: Callable[[Request], Awaitable[Response]], audience: str
) -> Callable[[Request], Awaitable[Response]]:
    @wraps(answer)
    async def counting(request: Request) -> Response:
        outcome = "failed"
        try:
            response = await answer(request)
            outcome = "accepted"
        except HeliographError as error:
            outcome = _REFUSED.get(type(error), outcome)
            raise
        finally:
            api_of(request).watch.meter.published(audience, outcome)
        return response

    return counting
