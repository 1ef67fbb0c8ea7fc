"""The reporting API: devices say that a notification arrived, or was tapped.

Whatever is well formed is answered with 200, known or not: it tells strangers nothing, and some
SDKs would register again, or report for ever, after anything else.
"""

import math
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heliograph.api.auth import instance_id_of
from heliograph.api.body import json_object
from heliograph.api.state import api_of
from heliograph.model.errors import Incomplete, Invalid
from heliograph.model.event import Event, EventKind
from heliograph.model.ids import DeviceId, PublishId, is_storable
from heliograph.store import reports

_MAX_BODY_BYTES = 16 * 1024
_MAX_ID_CHARACTERS = 200
_MAX_TIMESTAMP = 4_102_444_800
"""The year 2100; a device's clock that is further off is taken for that."""


async def report(request: Request) -> Response:
    """Count an event, once for each device and publish."""
    instance_id = instance_id_of(request)
    event = _event_of(await json_object(request, max_bytes=_MAX_BODY_BYTES))
    if _can_be_ours(event.publish_id) and _can_be_ours(event.device_id):
        async with api_of(request).store.writing() as tx:
            await reports.record(tx, instance_id, event)
    return Response()


routes = [
    Route("/reporting_api/v2/instances/{instance}/events", report, methods=["POST"]),
]


def _event_of(body: dict[str, Any]) -> Event:
    return Event(
        kind=_kind(_text(body, "event")),
        publish_id=PublishId(_text(body, "publishId")),
        device_id=DeviceId(_text(body, "deviceId")),
        reported_at=_timestamp(body),
    )


def _kind(text: str) -> EventKind:
    try:
        return EventKind(text.lower())
    except ValueError as error:
        raise Invalid("event", "event must be delivery or open") from error


def _text(body: dict[str, Any], field: str) -> str:
    value = body.get(field)
    if value is None:
        raise Incomplete(f"{field} is required")
    if not isinstance(value, str) or not value:
        raise Invalid(field, f"{field} must be a string")
    return value


def _timestamp(body: dict[str, Any]) -> datetime:
    value = body.get("timestampSecs")
    if value is None:
        raise Incomplete("timestampSecs is required")
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Invalid("timestampSecs", "timestampSecs must be a number")
    # An older web SDK sent fractions.
    return datetime.fromtimestamp(math.floor(min(max(value, 0), _MAX_TIMESTAMP)), UTC)


def _can_be_ours(given: str) -> bool:
    return len(given) <= _MAX_ID_CHARACTERS and is_storable(given)
