"""Insights: what became of an instance's messages, and how many devices it has."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from heliograph.api.auth import require_secret_key
from heliograph.api.operation import Endpoint, Operation, Proof
from heliograph.api.state import api_of
from heliograph.model.device import Platform
from heliograph.model.errors import Invalid
from heliograph.model.insights import COUNTED, By, counted_by, document_of, parse_range
from heliograph.model.instant import parse_instant
from heliograph.model.schema import Array, Integer, Nullable, Number, Object, OneOf, Schema, Text
from heliograph.store import insights


async def show_insights(request: Request) -> Response:
    """What became of messages, hour by hour, and how many devices there are.

    All numbers of messages belong to the hour in which their publish was accepted.
    """
    api = api_of(request)
    instance_id = await require_secret_key(request, api)
    by = _by(request)
    since, until = parse_range(
        _instant(request, "since"), _instant(request, "until"), by, api.now()
    )
    async with api.store.reading() as connection:
        read = await insights.read(connection, instance_id, since, until, by)
    return Response(msgspec.json.encode(document_of(read)), media_type="application/json")


_TIME = Text(format="date-time")
_NUMBER = Integer(minimum=0, maximum=2**53)
_RATE = Nullable(of=Number(about="From 0 to 1; null if nothing could be acknowledged, or opened."))


def _figures(names: Sequence[str]) -> Mapping[str, Schema]:
    return {
        **dict[str, Schema].fromkeys(names, _NUMBER),
        "acknowledgementRate": _RATE,
        "openRate": _RATE,
    }


def _all_of(members: Mapping[str, Schema], about: str = "") -> Object:
    return Object(members=members, required=tuple(members), about=about)


_GROUP = Object(
    members={"key": Text(about="A time, a platform, or a kind."), **_figures(COUNTED)},
    required=("key", *_figures(counted_by(By.PLATFORM))),
    about="A platform has no number of publishes: one may be for several.",
)
_DEVICES = _all_of({"subscribers": _NUMBER, "active": _NUMBER, "countedAt": _TIME})
_INSIGHTS = _all_of(
    {
        "since": _TIME,
        "until": _TIME,
        "by": Nullable(of=OneOf(values=tuple(By))),
        "total": _all_of(_figures(COUNTED)),
        "groups": Array(items=_GROUP, about="Hours and days without a publish are left out."),
        "devices": Object(
            members=dict[str, Schema].fromkeys(Platform, _DEVICES),
            about="As counted last before `until`. active: heard of within 30 days.",
        ),
    }
)
_AT = "A date, or a date and time, as ISO 8601 has it; UTC unless it says otherwise."
_SHOW = Operation(
    query={
        "since": Text(
            format="date-time",
            about=f"{_AT} The hour that it is in is the first. Else 30 days before.",
        ),
        "until": Text(format="date-time", about=f"{_AT} Hours that begin before it. Else now."),
        "by": OneOf(values=tuple(By), about="What to tell apart. kind: users, interests."),
    },
    answers=_INSIGHTS,
    refuses=(400, 401, 404, 429, 503),
    proof=Proof.SECRET_KEY,
)

endpoints = [
    Endpoint("GET", "/admin_api/v1/instances/{instance}/insights", show_insights, _SHOW),
]


def _instant(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    return None if text is None else parse_instant(text, name)


def _by(request: Request) -> By | None:
    text = request.query_params.get("by")
    try:
        return None if text is None else By(text)
    except ValueError as error:
        raise Invalid("by", f"by must be one of {', '.join(By)}") from error
