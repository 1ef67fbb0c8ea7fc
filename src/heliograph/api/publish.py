"""The publish API: what app servers call to notify users, or interests."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from heliograph.api.auth import require_secret_key
from heliograph.api.body import json_object
from heliograph.api.state import api_of
from heliograph.model.ids import IdempotencyKey, parse_idempotency_key
from heliograph.model.limits import MAX_INTERESTS_PUBLISH_BYTES, MAX_USERS_PUBLISH_BYTES
from heliograph.model.publish import parse_interests, parse_payloads, parse_users


async def publish_to_interests(request: Request) -> Response:
    """Notify every device with any of the interests, once."""
    api = api_of(request)
    instance_id = await require_secret_key(request, api)
    body = await json_object(request, max_bytes=MAX_INTERESTS_PUBLISH_BYTES)
    audience, payloads = parse_interests(body), parse_payloads(body)
    publish_id = await api.accept(instance_id, audience, payloads, _idempotency_key_of(request))
    return JSONResponse({"publishId": publish_id})


async def publish_to_users(request: Request) -> Response:
    """Notify every device of the users."""
    api = api_of(request)
    instance_id = await require_secret_key(request, api)
    body = await json_object(request, max_bytes=MAX_USERS_PUBLISH_BYTES)
    audience, payloads = parse_users(body), parse_payloads(body)
    publish_id = await api.accept(instance_id, audience, payloads, _idempotency_key_of(request))
    return JSONResponse({"publishId": publish_id})


_BASE = "/publish_api/v1/instances/{instance}/publishes"

routes = [
    Route(_BASE + "/interests", publish_to_interests, methods=["POST"]),
    # Three official SDKs still use this older path.
    Route(_BASE, publish_to_interests, methods=["POST"]),
    Route(_BASE + "/users", publish_to_users, methods=["POST"]),
]


def _idempotency_key_of(request: Request) -> IdempotencyKey | None:
    """By what the app's server will know the request again. Raises Invalid."""
    text = request.headers.get("idempotency-key")
    return None if text is None else parse_idempotency_key(text, "Idempotency-Key")
