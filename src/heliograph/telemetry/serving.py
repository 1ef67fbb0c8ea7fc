"""GET /metrics, at an address of its own: not where the API is, so never public by mistake."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from heliograph.telemetry.exposition import Families, answer

Source = Callable[[], Awaitable[Families]]
"""Where figures come from. Does not raise for what is away, and does not wait long for it."""


def metrics_app(sources: list[Source]) -> ASGIApp:
    """The application. sources: asked at each scrape, one after the other; more may be added."""

    async def metrics(request: Request) -> Response:
        families = [family for source in sources for family in await source()]
        accept = ",".join(request.headers.getlist("accept"))
        said = answer(families, accept=accept)
        return Response(said.body, headers={"Content-Type": said.content_type})

    return Starlette(routes=[Route("/metrics", metrics)])
