"""The interests of a device: the part of the device API that is about them."""

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heliograph.api.body import Body, json_object
from heliograph.api.named_device import BASES, NAMED_DEVICE, device_of, find_device
from heliograph.api.operation import Endpoint, Operation
from heliograph.api.paging import METADATA, limit_of, page_query, place_of
from heliograph.api.paths import rest
from heliograph.api.state import api_of
from heliograph.model.cursor import encode_cursor, wrong_cursor
from heliograph.model.device import Device
from heliograph.model.errors import Invalid
from heliograph.model.ids import INTEREST, Interest, each_once, parse_interest
from heliograph.model.limits import (
    MAX_DEVICE_BODY_BYTES,
    MAX_INTERESTS_PER_DEVICE,
    MAX_INTERESTS_PER_PAGE,
)
from heliograph.model.live import InterestAdded, InterestRemoved, InterestsSet, LiveEvent
from heliograph.model.schema import Array, Object
from heliograph.store import interests


async def list_interests(request: Request) -> Response:
    """A page of the device's interests, and where the next page begins."""
    limit, after = limit_of(request, MAX_INTERESTS_PER_PAGE), _cursor_of(request)
    device = await device_of(request)
    page = await api_of(request).store.read(
        lambda tx: interests.of_device(
            tx, device.instance_id, device.id, after=after, limit=limit + 1
        )
    )
    metadata = {"nextCursor": encode_cursor(page[limit - 1])} if len(page) > limit else {}
    return JSONResponse({"interests": page[:limit], "responseMetadata": metadata})


_INTERESTS = Body(
    name="Interests",
    schema=Object(
        members={"interests": Array(items=INTEREST)},
        required=("interests",),
        about=f"At most {MAX_INTERESTS_PER_DEVICE} different ones.",
    ),
    max_bytes=MAX_DEVICE_BODY_BYTES,
)


async def replace_interests(request: Request) -> Response:
    """Make these the device's interests."""
    body = await json_object(request, _INTERESTS)
    wanted = each_once(body["interests"])

    async def work(tx: AsyncConnection) -> Device:
        device = await find_device(tx, request)
        await interests.replace(tx, device, wanted)
        return device

    device = await api_of(request).store.write(work)
    _tell(request, device, InterestsSet(number=len(wanted), names=wanted))
    return Response()


async def add_interest(request: Request) -> Response:
    """Subscribe the device. Also to what it is subscribed to."""
    interest = _interest_of(request)

    async def work(tx: AsyncConnection) -> Device:
        device = await find_device(tx, request)
        await interests.add(tx, device, interest)
        return device

    device = await api_of(request).store.write(work)
    _tell(request, device, InterestAdded(interest=interest))
    return Response()


async def remove_interest(request: Request) -> Response:
    """Unsubscribe the device. Also from what it is not subscribed to."""
    interest = _interest_of(request)

    async def work(tx: AsyncConnection) -> Device:
        device = await find_device(tx, request)
        await interests.remove(tx, device, interest)
        return device

    device = await api_of(request).store.write(work)
    _tell(request, device, InterestRemoved(interest=interest))
    return Response()


_PAGE = Object(
    members={
        "interests": Array(items=INTEREST, max_items=MAX_INTERESTS_PER_PAGE),
        "responseMetadata": METADATA,
    },
    required=("interests", "responseMetadata"),
)
_LIST = Operation(
    query=page_query(MAX_INTERESTS_PER_PAGE),
    answers=_PAGE,
    refuses=(400, 404, 503),
)
_REPLACE = Operation(takes=_INTERESTS, refuses=(400, 404, 503))
_CHANGE = Operation(refuses=(400, 404, 503))


def _endpoints(base: str) -> list[Endpoint]:
    every = f"{base}{NAMED_DEVICE}/interests"
    one = f"{every}/{rest('interest')}"
    return [
        Endpoint("GET", every, list_interests, _LIST),
        Endpoint("PUT", every, replace_interests, _REPLACE),
        Endpoint("POST", one, add_interest, _CHANGE),
        Endpoint("DELETE", one, remove_interest, _CHANGE),
    ]


endpoints = [endpoint for base in BASES for endpoint in _endpoints(base)]


def _tell(request: Request, device: Device, happened: LiveEvent) -> None:
    ids = {"device_id": device.id, "user_id": device.user_id}
    api_of(request).tell(device.instance_id, lambda: [msgspec.structs.replace(happened, **ids)])


def _interest_of(request: Request) -> Interest:
    return parse_interest(request.path_params["interest"], "interest")


def _cursor_of(request: Request) -> str:
    """The interest behind which the page begins; empty for the first."""
    place = place_of(request)
    try:
        return parse_interest(place, "cursor") if place else ""
    except Invalid as error:
        raise wrong_cursor() from error
