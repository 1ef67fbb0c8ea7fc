"""The publish API: what app servers call to notify users, or interests."""

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heliograph.api.auth import require_secret_key
from heliograph.api.body import Body, json_object
from heliograph.api.operation import Endpoint, Operation, Proof
from heliograph.api.state import api_of
from heliograph.model.ids import IDEMPOTENCY_KEY, IdempotencyKey, parse_idempotency_key
from heliograph.model.limits import MAX_INTERESTS_PUBLISH_BYTES, MAX_USERS_PUBLISH_BYTES
from heliograph.model.publish import (
    TO_INTERESTS,
    TO_USERS,
    interests_of,
    payloads_of,
    users_of,
    webhook_url_of,
)
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
    audience, payloads = interests_of(body), payloads_of(body)
    publish_id = await api.accept(
        instance_id,
        audience,
        payloads,
        _idempotency_key_of(request),
        webhook_url=webhook_url_of(body),
    )
    return JSONResponse({"publishId": publish_id})


async def publish_to_users(request: Request) -> Response:
    """Notify every device of the users."""
    api = api_of(request)
    instance_id = await require_secret_key(request, api)
    body = await json_object(request, _TO_USERS)
    audience, payloads = users_of(body), payloads_of(body)
    publish_id = await api.accept(instance_id, audience, payloads, _idempotency_key_of(request))
    return JSONResponse({"publishId": publish_id})


_ACCEPTED = Object(
    members={"publishId": Text(pattern=re.compile(r"pubid-[0-9a-f-]{36}"))},
    required=("publishId",),
)


def _publishing(takes: Body) -> Operation:
    return Operation(
        takes=takes,
        headers={_IDEMPOTENCY_KEY: IDEMPOTENCY_KEY},
        answers=_ACCEPTED,
        refuses=(400, 401, 404, 422, 429, 503),
        proof=Proof.SECRET_KEY,
    )


_IDEMPOTENCY_KEY = "Idempotency-Key"
_INTERESTS, _USERS = _publishing(_TO_INTERESTS), _publishing(_TO_USERS)

_BASE = "/publish_api/v1/instances/{instance}/publishes"

endpoints = [
    Endpoint("POST", f"{_BASE}/interests", publish_to_interests, _INTERESTS),
    # Three official SDKs still use this older path.
    Endpoint("POST", _BASE, publish_to_interests, _INTERESTS),
    Endpoint("POST", f"{_BASE}/users", publish_to_users, _USERS),
]


def _idempotency_key_of(request: Request) -> IdempotencyKey | None:
    """By what the app's server will know the request again. Raises Invalid."""
    text = request.headers.get(_IDEMPOTENCY_KEY)
    return None if text is None else parse_idempotency_key(text, _IDEMPOTENCY_KEY)
