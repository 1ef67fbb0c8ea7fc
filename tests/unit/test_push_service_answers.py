"""What push services answer, and what it means. RFC 8030, and each service's documentation."""

from datetime import UTC, datetime, timedelta

import pytest

from heliograph.gateways.http2 import Response
from heliograph.gateways.webpush import retry_after, verdict_of
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
        (403, CredentialRefused),
        (404, DeviceGone),
        (405, Drop),
        (406, Retry),
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


@pytest.mark.parametrize("body", [b"UnauthorizedRegistration", b'{"reason":"VapidPkHashMismatch"}'])
def test_a_400_that_is_about_our_key_is_not_about_the_message(body: bytes) -> None:
    assert isinstance(verdict_of(Response(400, {}, body), NOW), CredentialRefused)
