"""Whether the server lives, and whether it can do its work."""

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from heliograph.api.state import api_of


async def health(_request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """Store and broker answer, so that publishes can be accepted. 503 names what does not."""
    api = api_of(request)
    async with api.store.reading() as connection:
        await connection.execute(select(1))
    await api.streams.check()
    return JSONResponse({"status": "ready"})


routes = [
    Route("/health", health, methods=["GET"]),
    Route("/ready", ready, methods=["GET"]),
]
