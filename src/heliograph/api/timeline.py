"""Why did it not arrive? What the app's server is told of a user's devices."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from heliograph.api.auth import require_secret_key
from heliograph.api.json_answer import json_answer
from heliograph.api.named_user import user_id_of
from heliograph.api.operation import Endpoint, Operation, Proof
from heliograph.api.paths import rest
from heliograph.api.state import api_of
from heliograph.model.device import Platform
from heliograph.model.errors import NotFound
from heliograph.model.ids import is_storable
from heliograph.model.schema import Array, Nullable, Object, OneOf, Schema, Text
from heliograph.model.timeline import shown_timeline, timeline_of
from heliograph.store import timelines

_TIMELINE = b"/timeline"


async def show_timeline(request: Request) -> Response:
    """What happened to each device of a user, and the likely cause if nothing arrived there."""
    api = api_of(request)
    instance_id = await require_secret_key(request, api)
    user_id, publish_id = user_id_of(request, before=_TIMELINE), request.query_params.get("publish")
    if publish_id is not None and not is_storable(publish_id):
        raise NotFound("publish")
    async with api.store.reading() as connection:
        facts = await timelines.facts_of(
            connection, instance_id, user_id, publish_id, now=api.now()
        )
    return json_answer(shown_timeline(timeline_of(facts)))


def _all_of(members: Mapping[str, Schema], about: str = "") -> Object:
    return Object(members=members, required=tuple(members), about=about)


_CAUSE: Mapping[str, Schema] = {
    "cause": Text(about="What likely happened, in words."),
    "cure": Text(about="What to do; empty: nothing."),
}
_EVENTS = Array(
    items=_all_of(
        {
            "at": Text(format="date-time"),
            "what": Text(about="tied, delivered, failed, opened and so on."),
            "publishId": Nullable(of=Text()),
            "reason": Text(about="In the gateway's words."),
            "meaning": Text(about="The same in ours."),
        }
    ),
    about="Oldest first.",
)
_ANSWER: Mapping[str, Schema] = {
    "userId": Text(),
    "publishId": Nullable(of=Text()),
    "causes": Array(items=_all_of(_CAUSE), about="Of the user as a whole."),
    "events": _EVENTS,
    "devices": Array(
        items=_all_of(
            {
                "deviceId": Text(),
                "platform": OneOf(values=tuple(Platform)),
                "state": OneOf(values=("tied", "in quarantine", "gone")),
                **_CAUSE,
                "events": _EVENTS,
            }
        )
    ),
}
_SHOW = Operation(
    query={"publish": Text(about="The id of the publish that is asked about; else the latest.")},
    answers=_all_of(_ANSWER),
    refuses=(400, 401, 404, 429, 503),
    proof=Proof.SECRET_KEY,
)
_USER = "/admin_api/v1/instances/{instance}/users/" + rest("user")

endpoints = [Endpoint("GET", f"{_USER}/timeline", show_timeline, _SHOW)]
