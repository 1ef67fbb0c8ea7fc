"""Windows' service, for Edge: all that it has to say is in headers.

Microsoft: "Push notification service request and response headers".
"""

import secrets
from collections.abc import Mapping
from http import HTTPStatus

from tests.fakes.push_service.answers import Answer
from tests.fakes.push_service.refusals import ABOUT_VAPID, RefusedError, Rule

TARGET = "/w/?token={token}"
LEAST_RENEWAL_S = 0
EXPLANATION: Answer | None = None

REFUSED: Mapping[Rule, HTTPStatus] = {
    Rule.METHOD: HTTPStatus.METHOD_NOT_ALLOWED,
    Rule.BODY_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    **dict.fromkeys(ABOUT_VAPID, HTTPStatus.UNAUTHORIZED),
    Rule.VAPID_KEY_MISMATCH: HTTPStatus.FORBIDDEN,
}
"""Status of each rule; of all others 400."""


def check(headers: Mapping[str, str]) -> None:
    """A message is kept just when it has time to live, and the sender has to say so twice."""
    policy = headers.get("x-wns-cache-policy", "cache")
    if policy != ("cache" if int(headers["ttl"]) else "no-cache"):
        conflict = "Ttl value conflicts with X-WNS-Cache-Policy."
        raise RefusedError(Rule.CACHE_POLICY, conflict)


def accepted(location: str, ttl: str) -> Answer:
    taken = {"x-wns-status": "received", "x-wns-notificationstatus": "received"}
    return _answer(HTTPStatus.CREATED, {"location": location, "ttl": ttl, **taken})


def gone() -> Answer:
    return _answer(HTTPStatus.GONE, {"x-wns-error-description": "The channel has expired."})


def refused(error: RefusedError) -> Answer:
    status = REFUSED.get(error.rule, HTTPStatus.BAD_REQUEST)
    return _answer(status, {"x-wns-error-description": error.detail})


def _answer(status: HTTPStatus, headers: Mapping[str, str]) -> Answer:
    return Answer(status=status, headers={**headers, "x-wns-msg-id": secrets.token_hex(8).upper()})
