"""Mozilla's autopush, for Firefox.

Source: autopush-rs, autoendpoint/src/error.rs, and its docs on HTTP error codes.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus

from tests.fakes.push_service.answers import Answer
from tests.fakes.push_service.refusals import ABOUT_VAPID, RefusedError, Rule

TARGET = "/wpush/v2/{token}"
LEAST_RENEWAL_S = 0
EXPLANATION: Answer | None = None
MORE_INFO = "http://autopush.readthedocs.io/en/latest/http.html#error-codes"

REFUSED: Mapping[Rule, tuple[HTTPStatus, int | None]] = {
    Rule.METHOD: (HTTPStatus.METHOD_NOT_ALLOWED, None),
    Rule.DUPLICATE_HEADER: (HTTPStatus.BAD_REQUEST, None),
    Rule.TTL_MISSING: (HTTPStatus.BAD_REQUEST, 111),
    Rule.TTL: (HTTPStatus.BAD_REQUEST, 112),
    Rule.URGENCY: (HTTPStatus.BAD_REQUEST, None),
    Rule.TOPIC: (HTTPStatus.BAD_REQUEST, 113),
    Rule.BODY_TOO_LARGE: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 104),
    # Another key than the subscription's is no 403 here.
    **dict.fromkeys(ABOUT_VAPID, (HTTPStatus.UNAUTHORIZED, 109)),
}
"""Status and errno of each rule."""
INVALID_CRYPTO = (HTTPStatus.BAD_REQUEST, 110)
"""All that is wrong with the encryption."""


def check(headers: Mapping[str, str]) -> None:
    """Ask for nothing more."""


def accepted(location: str, ttl: str) -> Answer:
    return Answer(status=HTTPStatus.CREATED, headers={"location": location, "ttl": ttl})


def gone() -> Answer:
    answer = _error(HTTPStatus.GONE, 106, "No such subscription")
    return Answer(
        status=answer.status,
        headers={**answer.headers, "cache-control": "max-age=86400"},
        body=answer.body,
    )


def malformed() -> Answer:
    """The URL can't be one of this service's endpoints."""
    return _error(HTTPStatus.NOT_FOUND, 102, "Invalid token")


def refused(error: RefusedError) -> Answer:
    status, errno = REFUSED.get(error.rule, INVALID_CRYPTO)
    return _error(status, errno, f"{error.rule}: {error.detail}")


def _error(status: HTTPStatus, errno: int | None, message: str) -> Answer:
    body = {
        "code": status.value,
        "errno": errno,
        "error": status.phrase,
        "message": message,
        "more_info": MORE_INFO,
    }
    return Answer(
        status=status,
        headers={"content-type": "application/json"},
        body=json.dumps(body).encode(),
    )
