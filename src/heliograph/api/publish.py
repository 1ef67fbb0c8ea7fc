"""The publish API: what app servers call to notify users, or interests."""

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heliograph.api.auth import require_secret_key
from heliograph.api.body import Body, json_object
from heliograph.api.operation import Endpoint, Operation, Proof
from heliograph.api.state import api_of
from heliograph.model.limits import MAX_INTERESTS_PUBLISH_BYTES, MAX_USERS_PUBLISH_BYTES
from heliograph.model.publish import TO_INTERESTS, TO_USERS, interests_of, payloads_of, users_of
from heliograph.model.schema import Object, Text

_TO_INTERESTS = Body(
    name="PublishToInterests", schema=TO_INTERESTS, max_bytes=MAX_INTERESTS_PUBLISH_BYTES
)
_TO_USERS = Body(name="PublishToUsers", schema=TO_USERS, max_bytes=MAX_USERS_PUBLISH_BYTES)


async def publish_to_interests(request: Request) -> Response:
    """Notify every device with any of the interests, once."""
    api = api_of(request)
    instance_id = await require_secret_key(request, api)
    body = await json_object(request, _TO_INTERESTS)
    publish_id = await api.accept(instance_id, interests_of(body), payloads_of(body))
    return JSONResponse({"publishId": publish_id})


async def publish_to_users(request: Request) -> Response:
    """Notify every device of the users."""
    api = api_of(request)
    instance_id = await require_secret_key(request, api)
    body = await json_object(request, _TO_USERS)
    publish_id = await api.accept(instance_id, users_of(body), payloads_of(body))
    return JSONResponse({"publishId": publish_id})


_ACCEPTED = Object(
    members={"publishId": Text(pattern=re.compile(r"pubid-[0-9a-f-]{36}"))},
    required=("publishId",),
)
_REFUSES = (400, 401, 404, 422, 503)
_INTERESTS = Operation(
    takes=_TO_INTERESTS, answers=_ACCEPTED, refuses=_REFUSES, proof=Proof.SECRET_KEY
)
_USERS = Operation(takes=_TO_USERS, answers=_ACCEPTED, refuses=_REFUSES, proof=Proof.SECRET_KEY)

_BASE = "/publish_api/v1/instances/{instance}/publishes"

endpoints = [
    Endpoint("POST", f"{_BASE}/interests", publish_to_interests, _INTERESTS),
    # Three official SDKs still use this older path.
    Endpoint("POST", _BASE, publish_to_interests, _INTERESTS),
    Endpoint("POST", f"{_BASE}/users", publish_to_users, _USERS),
]
