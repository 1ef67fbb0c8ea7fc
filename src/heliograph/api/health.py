"""Whether the server lives, and whether it can do its work."""

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heliograph.api.operation import Endpoint, Operation
from heliograph.api.state import api_of
from heliograph.model.schema import Object, OneOf


async def health(_request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """Store and broker answer, and somebody works. 503 names what does not."""
    api = api_of(request)
    await api.store.read(lambda tx: tx.scalar(select(1)))
    await api.streams.check()
    api.check_workers()
    return JSONResponse({"status": "ready"})


_HEALTH = Operation(answers=Object(members={"status": OneOf(values=("ok",))}, required=("status",)))
_READY = Operation(
    answers=Object(members={"status": OneOf(values=("ready",))}, required=("status",)),
    refuses=(503,),
)

endpoints = [
    Endpoint("GET", "/health", health, _HEALTH),
    Endpoint("GET", "/ready", ready, _READY),
]
