"""A push server that anybody runs for phones without Google: UnifiedPush, server spec 1.2.0."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from tests.fakes.push_service.answers import Answer
from tests.fakes.push_service.refusals import ABOUT_VAPID, RefusedError, Rule

TARGET = "/up/{token}?up=1"
LEAST_RENEWAL_S = 0
EXPLANATION: Answer | None = Answer(
    status=HTTPStatus.OK,
    headers={"content-type": "application/json"},
    body=json.dumps({"unifiedpush": {"version": 1}}).encode(),
)

REFUSED: Mapping[Rule, HTTPStatus] = {
    Rule.METHOD: HTTPStatus.METHOD_NOT_ALLOWED,
    Rule.BODY_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    **dict.fromkeys(ABOUT_VAPID, HTTPStatus.UNAUTHORIZED),
    Rule.VAPID_KEY_MISMATCH: HTTPStatus.FORBIDDEN,
}
"""Status of each rule; of all others 400."""


def check(headers: Mapping[str, str]) -> None:
    """Ask for nothing more."""


def accepted(location: str, _ttl: str) -> Answer:
    # It keeps nothing: the phone has it at once or never.
    return Answer(status=HTTPStatus.CREATED, headers={"location": location, "ttl": "0"})


def gone() -> Answer:
    return Answer(status=HTTPStatus.NOT_FOUND)


def refused(error: RefusedError) -> Answer:
    return Answer(status=REFUSED.get(error.rule, HTTPStatus.BAD_REQUEST))
