"""Watching an instance live: what happens there, as a stream of server-sent events.

HTML Living Standard, section 9.2. The secret key is in a header: no page of a stranger's can read
it with an EventSource.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from heliograph.api.auth import is_still_proven, require_secret_key
from heliograph.api.operation import Endpoint, Operation, Proof
from heliograph.api.state import api_of
from heliograph.api.wanted import Filters, Wanted
from heliograph.broker.reader import Heard, Lost, Reader
from heliograph.model.ids import DEVICE_ID, USER_ID, DeviceId, InstanceId, PublishId, UserId
from heliograph.model.live import KINDS, shown
from heliograph.model.schema import Text, check
from heliograph.store import devices

_KEEP_ALIVE = timedelta(seconds=15)
"""So often something is sent, at least: proxies cut what is silent for a minute."""
_MEDIA_TYPE = "text/event-stream"
_HEADERS = {
    "Cache-Control": "no-store",
    # nginx would gather it.
    "X-Accel-Buffering": "no",
}
_READY = b"event: ready\ndata: {}\n\n"
_STILL_HERE = b":\n\n"


async def watch(request: Request) -> Response:
    """What happens in the instance from now on, as server-sent events.

    The data of each is a JSON object with `at`, `kind`, `words` for people, the ids that it is
    about (`publishId`, `deviceId`, `userId`), and more by kind. The first event is `ready`: what
    happens after it is told. An event `lost` says in `number` how many are missing there, since
    they could not be sent or read as fast as they came.
    """
    instance_id = await require_secret_key(request, api_of(request))
    filters = _filters_of(request)
    if request.method == "HEAD":
        return Response(headers=_HEADERS, media_type=_MEDIA_TYPE)
    return _Watching(request, instance_id, filters)


class _Watching(Response):
    """The stream. It is begun when it is sent, so that it always comes to its end."""

    def __init__(self, request: Request, instance_id: InstanceId, filters: Filters) -> None:
        super().__init__()
        self._request = request
        self._instance_id = instance_id
        self._filters = filters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises Unavailable, with nothing sent."""
        api, wanted = api_of(self._request), Wanted(self._filters)
        async with api.live.reader(self._instance_id, wanted) as reader:
            if self._filters.user_id is not None:
                async with api.store.reading() as connection:
                    his = await devices.of_user(
                        connection, self._instance_id, self._filters.user_id
                    )
                wanted.remember(device.id for device in his)
            stream = StreamingResponse(
                self._parts(reader), headers=_HEADERS, media_type=_MEDIA_TYPE
            )
            await stream(scope, receive, send)

    async def _parts(self, reader: Reader) -> AsyncIterator[bytes]:
        """Until it is over, or the secret key is good no longer."""
        yield _READY
        clock = asyncio.get_running_loop().time
        proven_at = clock()
        while heard := await self._next(reader):
            yield heard
            if clock() - proven_at >= _KEEP_ALIVE.total_seconds():
                if not await is_still_proven(self._request, api_of(self._request)):
                    return
                proven_at = clock()

    async def _next(self, reader: Reader) -> bytes:
        heard = await reader.take(within=_KEEP_ALIVE)
        if heard:
            return b"".join(_written(heard))
        return b"" if reader.is_over else _STILL_HERE


def _written(heard: Iterable[Heard]) -> Iterable[bytes]:
    for one in heard:
        if isinstance(one, Lost):
            yield b"event: lost\ndata: " + msgspec.json.encode(one) + b"\n\n"
        else:
            yield b"data: " + shown(*one) + b"\n\n"


_KIND = f"({'|'.join(KINDS)})"
_QUERY = {
    "user": USER_ID,
    "device": Text(pattern=DEVICE_ID),
    "publish": Text(min_length=1, max_length=200),
    "kinds": Text(
        pattern=re.compile(f"{_KIND}(,{_KIND})*"),
        otherwise=f"must be some of these, with commas between them: {', '.join(KINDS)}",
        example="answered,publish-finished",
    ),
}
_WATCH = Operation(
    query=_QUERY,
    streams=Text(about="Server-sent events, without an end."),
    refuses=(400, 401, 404, 429, 503),
    proof=Proof.SECRET_KEY,
)

endpoints = [Endpoint("GET", "/admin_api/v1/instances/{instance}/events", watch, _WATCH)]


def _filters_of(request: Request) -> Filters:
    """Raises Mismatch."""
    given = request.query_params
    for name, schema in _QUERY.items():
        if name in given:
            check(schema, given[name], name)
    user, device, publish = (given.get(name) for name in ("user", "device", "publish"))
    return Filters(
        kinds=frozenset(given["kinds"].split(",")) if "kinds" in given else (),
        user_id=None if user is None else UserId(user),
        device_id=None if device is None else DeviceId(device),
        publish_id=None if publish is None else PublishId(publish),
    )
