"""The reporting API: devices say that a notification arrived, or was tapped.

Whatever is well formed is answered with 200, known or not, and while the store is away, too: it
tells strangers nothing, and some SDKs would register again, or report for ever, after anything
else. For the same reason nothing here is answered with 404.
"""

import logging
import math
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heliograph.api.body import json_object
from heliograph.api.state import api_of
from heliograph.model.errors import Incomplete, Invalid, Unavailable
from heliograph.model.event import Event, EventKind
from heliograph.model.ids import DeviceId, InstanceId, PublishId, is_storable, parse_instance_id
from heliograph.store import reports

logger = logging.getLogger(__name__)

_MAX_BODY_BYTES = 16 * 1024
_MAX_ID_CHARACTERS = 200
_MAX_DIGITS = 20
_MAX_TIMESTAMP = 4_102_444_800
"""The year 2100; a device's clock that is further off is taken for that."""


async def report(request: Request) -> Response:
    """Count an event, once for each device and publish."""
    instance_id = parse_instance_id(request.path_params["instance"])
    body = await json_object(request, max_bytes=_MAX_BODY_BYTES)
    await _count(request, instance_id, _event_of(body))
    return Response()


async def report_v1(request: Request) -> Response:
    """Count an event that an SDK of 2018 reports, if it says of which device."""
    instance_id = parse_instance_id(request.path_params["instance"])
    body = await json_object(request, max_bytes=_MAX_BODY_BYTES)
    event = _event_of(_translated(body, request.path_params.get("event")))
    await _count(request, instance_id, event)
    return Response()


_V1 = "/reporting_api/v1/instances/{instance}"

routes = [
    Route("/reporting_api/v2/instances/{instance}/events", report, methods=["POST"]),
    # As the device API: for an Android app that overrides its host without this path.
    Route("/instances/{instance}/events", report, methods=["POST"]),
    Route(_V1 + "/events", report_v1, methods=["POST"]),
    Route(_V1 + "/event-type/{event}", report_v1, methods=["POST"]),
]


async def _count(request: Request, instance_id: InstanceId, event: Event) -> None:
    if not (_can_be_ours(event.publish_id) and _can_be_ours(event.device_id)):
        return
    try:
        async with api_of(request).store.writing() as tx:
            await reports.record(tx, instance_id, event)
    except Unavailable:
        # Apple's SDK, told to try again, would send nothing else before this.
        logger.warning("a device's report is lost: the store is not available")


def _translated(body: dict[str, Any], event_in_path: str | None) -> dict[str, Any]:
    """What the first version's body says, in the words of today's.

    The event came in the path, then as eventType or eventId, the time in milliseconds (as text from
    Apple's SDK), then in seconds; the first of all did not name the device.
    """
    event = event_in_path or body.get("eventType", body.get("eventId"))
    if isinstance(event, str) and event.startswith("Delivery"):
        event = EventKind.DELIVERY  # one of Delivery, DeliveryForeground, DeliveryBackground
    return {
        "event": event,
        "publishId": body.get("publishId"),
        "deviceId": body.get("deviceId", "unknown"),
        "timestampSecs": body.get("timestampSecs", _seconds(body)),
    }


def _seconds(body: dict[str, Any]) -> float | None:
    value = body.get("timestampMs", body.get("timestamp"))
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:_MAX_DIGITS])
    return value // 1000 if isinstance(value, int | float) else None


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
