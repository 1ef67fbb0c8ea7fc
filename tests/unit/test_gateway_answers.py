"""What APNs and FCM answer, and what it means: their own tables, row by row."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from heliograph.gateways import apns, fcm
from heliograph.gateways.http2 import Response
from heliograph.model.answers import Answers
from heliograph.model.verdict import (
    CredentialRefused,
    Delivered,
    DeviceGone,
    Drop,
    Retry,
    Verdict,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REGISTERED = NOW - timedelta(days=1)


def apns_says(status: int, reason: str = "", **said: object) -> Verdict:
    body = json.dumps({"reason": reason, **said}).encode() if reason else b""
    return apns.verdict_of(Response(status, {}, body), REGISTERED, NOW)


@pytest.mark.parametrize(
    ("status", "reason", "meaning"),
    [
        (200, "", Delivered),
        (400, "BadCollapseId", Drop),
        (400, "BadDeviceToken", DeviceGone),
        (400, "BadExpirationDate", Drop),
        (400, "BadMessageId", Drop),
        (400, "BadPriority", Drop),
        (400, "BadTopic", CredentialRefused),
        (400, "DeviceTokenNotForTopic", DeviceGone),
        (400, "DuplicateHeaders", Drop),
        (400, "IdleTimeout", Retry),
        (400, "InvalidPushType", Drop),
        (400, "MissingDeviceToken", Drop),
        (400, "MissingTopic", CredentialRefused),
        (400, "PayloadEmpty", Drop),
        (400, "TopicDisallowed", CredentialRefused),
        (403, "BadCertificate", CredentialRefused),
        (403, "BadCertificateEnvironment", CredentialRefused),
        (403, "ExpiredProviderToken", CredentialRefused),
        (403, "Forbidden", CredentialRefused),
        (403, "InvalidProviderToken", CredentialRefused),
        (403, "MissingProviderToken", CredentialRefused),
        (403, "UnrelatedKeyIdInToken", CredentialRefused),
        (403, "BadEnvironmentKeyIdInToken", CredentialRefused),
        (403, "BadEnvironmentKeyInToken", CredentialRefused),
        (404, "BadPath", Drop),
        (405, "MethodNotAllowed", Drop),
        (410, "ExpiredToken", DeviceGone),
        (410, "Unregistered", DeviceGone),
        (413, "PayloadTooLarge", Drop),
        (429, "TooManyProviderTokenUpdates", Retry),
        (429, "TooManyRequests", Retry),
        (500, "InternalServerError", Retry),
        (503, "ServiceUnavailable", Retry),
        (503, "Shutdown", Retry),
        (418, "NewThisYear", Drop),
        (599, "NewThisYear", Retry),
        (500, "", Retry),
    ],
)
def test_each_reason_of_apns_has_its_meaning(status: int, reason: str, meaning: type) -> None:
    assert isinstance(apns_says(status, reason), meaning)


def test_only_what_may_be_our_fault_is_a_mismatch() -> None:
    assert apns_says(400, "BadDeviceToken") == DeviceGone("BadDeviceToken", mismatch=True)
    assert not getattr(apns_says(410, "Unregistered"), "mismatch", True)


@pytest.mark.parametrize(("hours", "meaning"), [(1, DeviceGone), (-1, Drop)])
def test_a_token_that_was_registered_after_it_was_gone_is_kept(hours: int, meaning: type) -> None:
    gone_at = (REGISTERED + timedelta(hours=hours)).timestamp() * 1000
    assert isinstance(apns_says(410, "Unregistered", timestamp=int(gone_at)), meaning)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"reason":1}', b"\xff", b'{"reason":"a b"}'])
def test_a_body_that_is_not_apples_is_read_by_its_status(body: bytes) -> None:
    assert apns.verdict_of(Response(400, {}, body), REGISTERED, NOW) == Drop("HTTP 400")


FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
VIOLATION = {
    "@type": "type.googleapis.com/google.rpc.BadRequest",
    "fieldViolations": [{"field": "message.data[0].value"}],
}


def fcm_says(status: int, word: str, *details: object, message: str = "") -> Verdict:
    said = {"code": status, "message": message, "status": word, "details": details}
    return fcm.verdict_of(Response(status, {}, json.dumps({"error": said}).encode()), NOW)


@pytest.mark.parametrize(
    ("status", "word", "code", "meaning"),
    [
        (401, "UNAUTHENTICATED", None, CredentialRefused),
        (401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", CredentialRefused),
        (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", DeviceGone),
        (403, "PERMISSION_DENIED", None, CredentialRefused),
        (404, "NOT_FOUND", "UNREGISTERED", DeviceGone),
        (404, "NOT_FOUND", None, CredentialRefused),
        (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", Retry),
        (500, "INTERNAL", "INTERNAL", Retry),
        (503, "UNAVAILABLE", "UNAVAILABLE", Retry),
        (400, "INVALID_ARGUMENT", None, Drop),
        (418, "NEW", None, Drop),
    ],
)
def test_each_error_of_fcm_has_its_meaning(
    status: int, word: str, code: str | None, meaning: type
) -> None:
    details = [] if code is None else [{"@type": FCM_ERROR, "errorCode": code}]
    assert isinstance(fcm_says(status, word, *details), meaning)


def test_a_400_is_about_the_token_only_if_it_says_so() -> None:
    detail = {"@type": FCM_ERROR, "errorCode": "INVALID_ARGUMENT"}
    about_token = "The registration token is not a valid FCM registration token"
    said = fcm_says(400, "INVALID_ARGUMENT", detail, message=about_token)
    assert isinstance(said, DeviceGone)
    assert said.mismatch
    for details in ((detail, VIOLATION), (VIOLATION,), ()):
        assert isinstance(fcm_says(400, "INVALID_ARGUMENT", *details, message=about_token), Drop)
    assert isinstance(fcm_says(400, "INVALID_ARGUMENT", detail, message="bad field"), Drop)


@pytest.mark.parametrize(
    ("status", "meaning"), [(404, CredentialRefused), (502, Retry), (504, Retry), (413, Drop)]
)
def test_a_page_instead_of_json_is_read_by_its_status(status: int, meaning: type) -> None:
    assert isinstance(fcm.verdict_of(Response(status, {}, b"<html>"), NOW), meaning)


@pytest.mark.parametrize(
    ("answers", "gone", "mismatches"),
    [
        (Answers(delivered=497, mismatched=3), True, True),
        (Answers(delivered=0, mismatched=1), True, False),
        (Answers(delivered=10, mismatched=3), True, True),
        (Answers(delivered=10, mismatched=4), True, False),
        (Answers(delivered=950, mismatched=50), True, True),
        (Answers(delivered=949, mismatched=51), True, False),
        (Answers(gone=19), True, False),
        (Answers(gone=20), False, False),
        (Answers(delivered=1, gone=500), True, True),
    ],
)
def test_what_is_believed_of_devices_that_are_said_to_be_gone(
    answers: Answers, *, gone: bool, mismatches: bool
) -> None:
    assert (answers.believes_gone, answers.believes_mismatches) == (gone, mismatches)
