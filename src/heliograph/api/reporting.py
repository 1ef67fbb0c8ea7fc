"""The reporting API: devices say that a notification arrived, or was tapped.

Whatever is well formed is answered with 200, known or not, and while the store is away, too: it
tells strangers nothing, and some SDKs would register again, or report for ever, after anything
else. For the same reason nothing here is answered with 404. Apple's SDK, told to try again, would
send nothing else before this.
"""

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from heliograph.api.body import Body, json_object
from heliograph.api.operation import Endpoint, Operation
from heliograph.api.state import api_of
from heliograph.model.event import Event, EventKind
from heliograph.model.ids import (
    DeviceId,
    InstanceId,
    PublishId,
    UserId,
    is_storable,
    parse_instance_id,
)
from heliograph.model.live import Acknowledged, Opened
from heliograph.model.schema import Anything, Boolean, Nullable, Number, Object, Text, check

_MAX_BODY_BYTES = 16 * 1024
_MAX_ID_CHARACTERS = 200
_MAX_DIGITS = 20
_MAX_TIMESTAMP = 4_102_444_800
"""The year 2100; a device's clock that is further off is taken for that."""


def _in_any_case(words: Iterable[str]) -> re.Pattern[str]:
    # Not by a flag: the document's readers have none.
    spelt = ("".join(f"[{letter}{letter.upper()}]" for letter in word) for word in words)
    return re.compile(f"({'|'.join(spelt)})")


_EVENT = Object(
    members={
        "event": Text(
            pattern=_in_any_case(EventKind),
            otherwise="event must be delivery or open",
            example="delivery",
        ),
        "publishId": Text(min_length=1),
        "deviceId": Text(min_length=1),
        "timestampSecs": Number(about="When, in seconds since 1970."),
        "userId": Anything(about="Whose device it is, if it says so."),
        "hasDisplayableContent": Nullable(of=Boolean(about="Of a delivery: there was a text.")),
        "appInBackground": Nullable(of=Boolean(about="Of a delivery: the app was not in use.")),
    },
    required=("event", "publishId", "deviceId", "timestampSecs"),
)
_REPORT = Body(name="Report", schema=_EVENT, max_bytes=_MAX_BODY_BYTES)
_REPORT_V1 = Body(
    name="ReportOf2018",
    schema=Object(
        members={
            "publishId": Text(min_length=1),
            "deviceId": Anything(about="A text, if it is there."),
            "eventType": Anything(about="delivery or open, if the path does not say it."),
            "eventId": Anything(about="Another name of eventType."),
            "timestampSecs": Anything(about="When, in seconds since 1970."),
            "timestampMs": Anything(about="Or in milliseconds, as a text, too."),
            "timestamp": Anything(about="Another name of timestampMs."),
        },
        required=("publishId",),
    ),
    max_bytes=_MAX_BODY_BYTES,
)


async def report(request: Request) -> Response:
    """Count an event, once for each device and publish."""
    instance_id = parse_instance_id(request.path_params["instance"])
    body = await json_object(request, _REPORT)
    await _count(request, instance_id, _event_of(body))
    return Response()


async def report_v1(request: Request) -> Response:
    """Count an event that an SDK of 2018 reports, if it says of which device."""
    instance_id = parse_instance_id(request.path_params["instance"])
    body = await json_object(request, _REPORT_V1)
    event = _translated(body, request.path_params.get("event"))
    check(_EVENT, event)
    await _count(request, instance_id, _event_of(event))
    return Response()


_V1 = "/reporting_api/v1/instances/{instance}"
_EVENTS = Operation(takes=_REPORT, refuses=(400,))
_EVENTS_V1 = Operation(takes=_REPORT_V1, refuses=(400,))

endpoints = [
    Endpoint("POST", "/reporting_api/v2/instances/{instance}/events", report, _EVENTS),
    # As the device API: for an Android app that overrides its host without this path.
    Endpoint("POST", "/instances/{instance}/events", report, _EVENTS),
    Endpoint("POST", f"{_V1}/events", report_v1, _EVENTS_V1),
    Endpoint("POST", f"{_V1}/event-type/{{event}}", report_v1, _EVENTS_V1),
]


async def _count(request: Request, instance_id: InstanceId, event: Event) -> None:
    if not (_can_be_ours(event.publish_id) and _can_be_ours(event.device_id)):
        return
    api = api_of(request)
    is_counted = await api.reported(instance_id, event)
    api.watch.meter.reported(event.kind, counted=is_counted)
    if is_counted:
        told = Opened if event.kind is EventKind.OPEN else Acknowledged
        api.tell(
            instance_id, lambda: [told(publish_id=event.publish_id, device_id=event.device_id)]
        )


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
    seconds = min(max(body["timestampSecs"], 0), _MAX_TIMESTAMP)
    return Event(
        kind=EventKind(body["event"].lower()),
        publish_id=PublishId(body["publishId"]),
        device_id=DeviceId(body["deviceId"]),
        # An older web SDK sent fractions.
        reported_at=datetime.fromtimestamp(math.floor(seconds), UTC),
        user_id=_user_in(body),
        has_displayable_content=bool(body.get("hasDisplayableContent")),
        app_in_background=bool(body.get("appInBackground")),
    )


def _user_in(body: dict[str, Any]) -> UserId | None:
    user_id = body.get("userId")
    return UserId(user_id) if isinstance(user_id, str) and user_id else None


def _can_be_ours(given: str) -> bool:
    return len(given) <= _MAX_ID_CHARACTERS and is_storable(given)
