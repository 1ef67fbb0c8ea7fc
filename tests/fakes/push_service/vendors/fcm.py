"""Google's service for Chrome and its kin: plain text, or pages."""

from collections.abc import Mapping
from http import HTTPStatus

from tests.fakes.push_service.answers import Answer
from tests.fakes.push_service.refusals import ABOUT_VAPID, RefusedError, Rule

TARGET = "/fcm/send/{token}"
LEAST_RENEWAL_S = 0
EXPLANATION: Answer | None = None
MISMATCH = (
    "the VAPID credentials in the authorization header do not correspond to the credentials used "
    "to create the subscriptions."
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
    return Answer(status=HTTPStatus.CREATED, headers={"location": location})


def gone() -> Answer:
    return _text(HTTPStatus.GONE, "push subscription has unsubscribed or expired.\n")


def refused(error: RefusedError) -> Answer:
    status = REFUSED.get(error.rule, HTTPStatus.BAD_REQUEST)
    is_mismatch = error.rule is Rule.VAPID_KEY_MISMATCH
    return _text(status, MISMATCH if is_mismatch else f"<html>{status.phrase}</html>")


def _text(status: HTTPStatus, text: str) -> Answer:
    kind = "text/html" if text.startswith("<") else "text/plain"
    return Answer(status=status, headers={"content-type": kind}, body=text.encode())
