"""What push services answer, and what it means. RFC 8030, and each service's documentation."""

from datetime import UTC, datetime, timedelta

import pytest

from heliograph.gateways.http2 import Response
from heliograph.gateways.retry_after import retry_after
from heliograph.gateways.webpush import verdict_of
from heliograph.model.verdict import CredentialRefused, Delivered, DeviceGone, Drop, Retry

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (200, Delivered),
        (201, Delivered),
        (202, Delivered),
        (301, Drop),
        (400, Drop),
        (401, CredentialRefused),
        (403, DeviceGone),
        (404, DeviceGone),
        (405, Drop),
        (406, Drop),
        (410, DeviceGone),
        (413, Drop),
        (418, Drop),
        (429, Retry),
        (500, Retry),
        (502, Retry),
        (503, Retry),
        (504, Retry),
    ],
)
def test_a_status_has_one_meaning(status: int, meaning: type) -> None:
    assert isinstance(verdict_of(Response(status, {}, b""), NOW), meaning)


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("120", timedelta(seconds=120)),
        ("0", timedelta()),
        ("Thu, 01 Jan 2026 00:02:00 GMT", timedelta(minutes=2)),
        ("Wed, 31 Dec 2025 23:00:00 GMT", timedelta()),
        ("99999999999999999999", timedelta(days=28)),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, meant: timedelta | None) -> None:
    assert retry_after(header, NOW) == meant


@pytest.mark.parametrize("header", ["X-WNS-Status", "X-WNS-NotificationStatus"])
@pytest.mark.parametrize(
    ("said", "meaning"),
    [("received", Delivered), ("dropped", Drop), ("channelthrottled", Retry)],
)
def test_windows_says_in_a_header_what_became_of_it(header: str, said: str, meaning: type) -> None:
    assert isinstance(verdict_of(Response(201, {header.lower(): said}, b""), NOW), meaning)


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (400, b"UnauthorizedRegistration", CredentialRefused),
        (400, b'{"reason":"BadVapidPublicKey"}', CredentialRefused),
        (400, b'{"reason":"VapidPkHashMismatch"}', DeviceGone),
        (403, b'{"reason":"VapidPkHashMismatch"}', DeviceGone),
        (403, b'{"reason":"BadJwtToken"}', CredentialRefused),
        (403, b'{"reason":"BadAuthorizationHeader"}', CredentialRefused),
        (403, b"the VAPID credentials do not correspond to the subscription", DeviceGone),
        (401, b'{"code":401,"errno":109,"error":"Unauthorized"}', DeviceGone),
        (401, b'{"code":401,"errno":1090}', CredentialRefused),
    ],
)
def test_what_is_about_our_key_never_counts_as_a_device_that_is_surely_gone(
    status: int, body: bytes, meaning: type
) -> None:
    said = verdict_of(Response(status, {}, body), NOW)
    assert isinstance(said, meaning)
    assert getattr(said, "mismatch", True)


def test_windows_throttles_with_406_and_nobody_else() -> None:
    answer = Response(406, {"x-wns-status": "appthrottled", "retry-after": "900"}, b"")
    assert verdict_of(answer, NOW) == Retry("HTTP 406", timedelta(seconds=900))
