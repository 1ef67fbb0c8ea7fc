"""Publishes as the app's server and operators look at them: listed, and what became of each."""

from collections.abc import Mapping
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from heliograph.api.auth import require_secret_key
from heliograph.api.json_answer import json_answer
from heliograph.api.operation import Endpoint, Operation, Proof
from heliograph.api.paging import METADATA, limit_of, page_query, place_of
from heliograph.api.state import api_of
from heliograph.model.cursor import encode_cursor
from heliograph.model.device import Platform
from heliograph.model.errors import Invalid
from heliograph.model.ids import UserId, is_storable
from heliograph.model.instant import parse_instant
from heliograph.model.limits import MAX_PUBLISHES_PER_PAGE, MAX_USERS_PER_PAGE
from heliograph.model.publish import AudienceKind
from heliograph.model.report import (
    COUNTED,
    Stage,
    UserOutcome,
    shown_listed,
    shown_report,
    shown_user,
    user_reports,
)
from heliograph.model.schema import Array, Integer, Nullable, Object, OneOf, Schema, Text
from heliograph.store import published, publishes
from heliograph.store.published import Place, Wanted

_Kind = TypeVar("_Kind", Stage, AudienceKind)


async def list_publishes(request: Request) -> Response:
    """The publishes of the instance, newest first.

    One that was accepted a moment ago may not be there yet.
    """
    api = api_of(request)
    instance_id = await require_secret_key(request, api)
    limit, wanted = limit_of(request, MAX_PUBLISHES_PER_PAGE), _wanted(request)
    async with api.store.reading() as connection:
        found = await published.page(connection, instance_id, wanted, limit=limit + 1)
    metadata = {"nextCursor": Place.of(found[limit - 1]).written()} if len(found) > limit else {}
    shown = [shown_listed(one) for one in found[:limit]]
    return json_answer({"publishes": shown, "responseMetadata": metadata})


async def show_publish(request: Request) -> Response:
    """What became of a publish so far, platform by platform."""
    api = api_of(request)
    instance_id = await require_secret_key(request, api)
    async with api.store.reading() as connection:
        report = await publishes.report(connection, instance_id, _publish_id(request))
    return json_answer(shown_report(report, now=api.now()))


async def list_users_of_publish(request: Request) -> Response:
    """What became of a publish to users so far, user by user, in the order of their ids.

    `no devices`: the user had none that it was for, or none any more when their turn came.
    """
    api = api_of(request)
    instance_id = await require_secret_key(request, api)
    limit, after = limit_of(request, MAX_USERS_PER_PAGE), place_of(request)
    async with api.store.reading() as connection:
        listed = await published.find(connection, instance_id, _publish_id(request))
        if listed.audience != AudienceKind.USERS:
            raise Invalid("publish", "Only of a publish to users it is told user by user")
        behind = sorted(UserId(name) for name in listed.names if name > after)
        users = behind[:limit]
        said = await published.said_of_users(connection, instance_id, listed.publish_id, users)
    metadata = {"nextCursor": encode_cursor(users[-1])} if len(behind) > limit else {}
    shown = [shown_user(one) for one in user_reports(listed, users, said)]
    return json_answer({"users": shown, "responseMetadata": metadata})


_TIME = Text(format="date-time", about="As ISO 8601 has it; UTC unless it says otherwise.")
_COUNT = Integer(minimum=0, maximum=2**53)
_COUNTS: Mapping[str, Schema] = {
    **dict[str, Schema].fromkeys(COUNTED, _COUNT),
    "reasons": Object(about="How many failed or were removed for what, in the gateways' words."),
}
_LISTED: Mapping[str, Schema] = {
    "publishId": Text(),
    "audience": OneOf(values=tuple(AudienceKind)),
    "names": Array(items=Text(), about="The users, or the interests."),
    "acceptedAt": _TIME,
    "finishedAt": Nullable(of=_TIME),
    "state": OneOf(values=tuple(Stage)),
}
_SUMMARY: Mapping[str, Schema] = {
    **_LISTED,
    "names": Array(items=Text(), about="The first few of the users, or of the interests."),
    "nameCount": _COUNT,
}
_REPORT: Mapping[str, Schema] = {
    **_LISTED,
    "instanceId": Text(format="uuid"),
    "settledDevices": _COUNT,
    "expectedDevices": Integer(minimum=0, maximum=2**53, about="An estimate, until all are known."),
    "endsAt": Nullable(of=_TIME),
    "platforms": Object(
        members={name: Object(members=_COUNTS, required=tuple(_COUNTS)) for name in Platform},
        about="Those that it is for, as far as their turn has come.",
    ),
}
_USER: Mapping[str, Schema] = {
    "userId": Text(),
    "outcome": OneOf(values=tuple(UserOutcome)),
    **_COUNTS,
}


def _page_of(name: str, members: Mapping[str, Schema]) -> Object:
    items = Array(items=Object(members=members, required=tuple(members)))
    listed: dict[str, Schema] = {name: items, "responseMetadata": METADATA}
    return Object(members=listed, required=tuple(listed))


_REFUSES = (400, 401, 404, 429, 503)
_LIST = Operation(
    query={
        **page_query(MAX_PUBLISHES_PER_PAGE),
        "state": OneOf(values=tuple(Stage)),
        "audience": OneOf(values=tuple(AudienceKind)),
        "since": Text(format="date-time", about="Accepted then or later."),
        "until": Text(format="date-time", about="Accepted before."),
    },
    answers=_page_of("publishes", _SUMMARY),
    refuses=_REFUSES,
    proof=Proof.SECRET_KEY,
)
_SHOW = Operation(
    answers=Object(members=_REPORT, required=tuple(_REPORT)),
    refuses=_REFUSES,
    proof=Proof.SECRET_KEY,
)
_USERS = Operation(
    query=page_query(MAX_USERS_PER_PAGE),
    answers=_page_of("users", _USER),
    refuses=_REFUSES,
    proof=Proof.SECRET_KEY,
)
_ALL = "/admin_api/v1/instances/{instance}/publishes"
_ONE = f"{_ALL}/{{publish}}"

endpoints = [
    Endpoint("GET", _ALL, list_publishes, _LIST),
    Endpoint("GET", _ONE, show_publish, _SHOW),
    Endpoint("GET", f"{_ONE}/users", list_users_of_publish, _USERS),
]


def _publish_id(request: Request) -> str:
    publish_id = str(request.path_params["publish"])
    # What no database takes is the id of no publish.
    return publish_id if is_storable(publish_id) else ""


def _wanted(request: Request) -> Wanted:
    """Raises Invalid."""
    query = request.query_params
    cursor, since, until = (query.get(name) or None for name in ("cursor", "since", "until"))
    return Wanted(
        stage=_one_of(Stage, "state", query.get("state")),
        audience=_one_of(AudienceKind, "audience", query.get("audience")),
        since=None if since is None else parse_instant(since, "since"),
        until=None if until is None else parse_instant(until, "until"),
        behind=None if cursor is None else Place.read(cursor),
    )


def _one_of(kind: type[_Kind], name: str, given: str | None) -> _Kind | None:
    if given is None:
        return None
    try:
        return kind(given)
    except ValueError as error:
        raise Invalid(name, f"{name} must be one of: {', '.join(kind)}") from error
