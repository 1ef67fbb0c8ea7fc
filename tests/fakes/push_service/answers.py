"""What the service answers, in the words of Mozilla's autopush.

Another vendor is another module with these four functions: accepted, gone, malformed, refused.
Source: autopush-rs, autoendpoint/src/error.rs, and its docs on HTTP error codes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from tests.fakes.push_service.refusals import RefusedError, Rule

MORE_INFO = "http://autopush.readthedocs.io/en/latest/http.html#error-codes"

#: Status and errno of each rule; VAPID's are all 401 and 109.
REFUSED: Mapping[Rule, tuple[HTTPStatus, int | None]] = {
    Rule.METHOD: (HTTPStatus.METHOD_NOT_ALLOWED, None),
    Rule.DUPLICATE_HEADER: (HTTPStatus.BAD_REQUEST, None),
    Rule.TTL_MISSING: (HTTPStatus.BAD_REQUEST, 111),
    Rule.TTL: (HTTPStatus.BAD_REQUEST, 112),
    Rule.URGENCY: (HTTPStatus.BAD_REQUEST, None),
    Rule.TOPIC: (HTTPStatus.BAD_REQUEST, 113),
    Rule.AUTHORIZATION: (HTTPStatus.UNAUTHORIZED, 109),
    Rule.VAPID_SCHEME: (HTTPStatus.UNAUTHORIZED, 109),
    Rule.VAPID_PARAMETERS: (HTTPStatus.UNAUTHORIZED, 109),
    Rule.VAPID_KEY: (HTTPStatus.UNAUTHORIZED, 109),
    Rule.VAPID_JWT: (HTTPStatus.UNAUTHORIZED, 109),
    Rule.VAPID_ALGORITHM: (HTTPStatus.UNAUTHORIZED, 109),
    Rule.VAPID_SIGNATURE: (HTTPStatus.UNAUTHORIZED, 109),
    Rule.VAPID_AUDIENCE: (HTTPStatus.UNAUTHORIZED, 109),
    Rule.VAPID_EXPIRY: (HTTPStatus.UNAUTHORIZED, 109),
    Rule.VAPID_SUBJECT: (HTTPStatus.UNAUTHORIZED, 109),
    Rule.BODY_TOO_LARGE: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 104),
}
#: All that is wrong with the encryption.
INVALID_CRYPTO: tuple[HTTPStatus, int] = (HTTPStatus.BAD_REQUEST, 110)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def accepted(location: str, ttl: str) -> Answer:
    return Answer(status=HTTPStatus.CREATED, headers={"location": location, "ttl": ttl})


def gone() -> Answer:
    """The subscription has ended, or never was."""
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
