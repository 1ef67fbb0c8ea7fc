"""Apple's service for Safari: JSON with a reason, as APNs gives it.

Apple: "Sending web push notifications in web apps and browsers".
"""

import json
import uuid
from collections.abc import Mapping
from http import HTTPStatus

from tests.fakes.push_service.answers import Answer
from tests.fakes.push_service.refusals import ABOUT_VAPID, RefusedError, Rule

TARGET = "/{token}"
LEAST_RENEWAL_S = 3600
EXPLANATION: Answer | None = None

REFUSED: Mapping[Rule, tuple[HTTPStatus, str]] = {
    Rule.METHOD: (HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed"),
    Rule.TTL_MISSING: (HTTPStatus.BAD_REQUEST, "BadTtl"),
    Rule.TTL: (HTTPStatus.BAD_REQUEST, "BadTtl"),
    Rule.URGENCY: (HTTPStatus.BAD_REQUEST, "BadUrgency"),
    Rule.TOPIC: (HTTPStatus.BAD_REQUEST, "BadWebPushTopic"),
    Rule.BODY_TOO_LARGE: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "PayloadTooLarge"),
    **dict.fromkeys(ABOUT_VAPID, (HTTPStatus.FORBIDDEN, "BadJwtToken")),
    Rule.VAPID_SCHEME: (HTTPStatus.FORBIDDEN, "BadAuthorizationHeader"),
    Rule.VAPID_PARAMETERS: (HTTPStatus.FORBIDDEN, "BadAuthorizationHeader"),
    Rule.VAPID_KEY: (HTTPStatus.BAD_REQUEST, "BadVapidPublicKey"),
    Rule.VAPID_KEY_MISMATCH: (HTTPStatus.BAD_REQUEST, "VapidPkHashMismatch"),
}
"""Status and reason of each rule."""
OTHER = (HTTPStatus.BAD_REQUEST, "BadWebPushRequest")


def check(headers: Mapping[str, str]) -> None:
    """Ask for nothing more: how often the token changes is counted elsewhere."""


def accepted(location: str, _ttl: str) -> Answer:
    return Answer(status=HTTPStatus.CREATED, headers={"location": location, **_id()})


def gone() -> Answer:
    return _error(HTTPStatus.GONE, "Unregistered")


def refused(error: RefusedError) -> Answer:
    return _error(*REFUSED.get(error.rule, OTHER))


def _error(status: HTTPStatus, reason: str) -> Answer:
    headers = {"content-type": "application/json", **_id()}
    return Answer(status=status, headers=headers, body=json.dumps({"reason": reason}).encode())


def _id() -> dict[str, str]:
    return {"apns-id": str(uuid.uuid4()).upper()}
