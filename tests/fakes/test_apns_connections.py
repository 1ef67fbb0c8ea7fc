"""What the fake APNs does with connections and streams: of itself, and when it is told to."""

import json
from typing import Literal

import pytest
from h2.errors import ErrorCodes
from h2.events import (
    PingAckReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamReset,
)
from h2.settings import SettingCodes

from tests.apns_service import Answer, ApnsService
from tests.fakes.apns_requests import ALERT, connection_to, headers_for, reasons, send, signed
from tests.fakes.raw_http2 import Header, RawConnection

LIMIT = SettingCodes.MAX_CONCURRENT_STREAMS
LAST_POSSIBLE_STREAM = 2**31 - 1


@pytest.fixture
def token(apns: ApnsService) -> str:
    return apns.new_devices(1)[0]


@pytest.fixture
def right(apns: ApnsService, token: str) -> list[Header]:
    return headers_for(token, signed(apns.new_key()))


def limits(connection: RawConnection) -> list[int]:
    """The limits of streams that were announced, in order."""
    found = [one for one in connection.events if isinstance(one, RemoteSettingsChanged)]
    changes = [one.changed_settings[LIMIT] for one in found if LIMIT in one.changed_settings]
    return [change.new_value for change in changes]


def warm(connection: RawConnection, headers: list[Header], limit: int = 500) -> None:
    """Have a first request taken, which opens the door to many at once."""
    assert send(connection, headers) == (200, "")
    settled(connection, limit)


def settled(connection: RawConnection, limit: int) -> None:
    """Wait until a limit is known on both sides."""
    connection.wait_for(
        RemoteSettingsChanged,
        lambda one: (
            LIMIT in one.changed_settings and one.changed_settings[LIMIT].new_value == limit
        ),
    )
    pings = sum(isinstance(one, PingAckReceived) for one in connection.events)
    connection.ping()
    while sum(isinstance(one, PingAckReceived) for one in connection.events) == pings:
        connection.receive()


def answered(connection: RawConnection) -> set[int]:
    """The streams whose answers have at least begun."""
    events = connection.events
    return {event.stream_id for event in events if isinstance(event, ResponseReceived)}


def begin_or_send(connection: RawConnection, headers: list[Header], at: str) -> int:
    """A request that goes on, if something is to happen before its end."""
    return connection.begin(headers) if at == "headers" else connection.send(headers, ALERT)


def test_there_is_one_stream_until_the_first_success_and_after_each_refusal_but_410(
    apns: ApnsService, token: str, right: list[Header]
) -> None:
    apns.answer_next(
        token,
        Answer(),
        Answer(status=400, reason="BadDeviceToken"),
        Answer(),
        Answer(status=410, reason="Unregistered"),
    )
    with connection_to(apns) as connection:
        assert [send(connection, right)[0] for _ in range(4)] == [200, 400, 200, 410]
        settled(connection, 500)
        assert limits(connection) == [1, 500, 1, 500]
    assert reasons(apns) == []


def test_one_stream_too_many_is_refused_alone_and_is_a_breach(
    apns: ApnsService, right: list[Header]
) -> None:
    with connection_to(apns) as connection:
        settled(connection, 1)
        apns.hold()
        first, second = [connection.send(right, ALERT) for _ in range(2)]
        reset = connection.wait_for(StreamReset)
        assert (reset.stream_id, reset.error_code) == (second, ErrorCodes.REFUSED_STREAM)
        apns.release()
        assert connection.answer(first)[0] == 200
        assert send(connection, right) == (200, "")
    assert reasons(apns) == ["MaxConcurrentStreams"]


def test_streams_that_were_sent_before_the_limit_was_known_are_taken(
    apns: ApnsService, right: list[Header]
) -> None:
    with connection_to(apns) as connection:
        streams = [connection.send(right, ALERT) for _ in range(10)]
        assert [connection.answer(stream)[0] for stream in streams] == [200] * 10
    assert reasons(apns) == []


def test_a_limit_that_is_lowered_in_flight_spares_the_streams_that_are_open(
    apns: ApnsService, right: list[Header]
) -> None:
    with connection_to(apns) as connection:
        warm(connection, right)
        apns.hold()
        streams = [connection.send(right, ALERT) for _ in range(10)]
        apns.limit_streams(3)
        settled(connection, 3)
        too_many = connection.send(right, ALERT)
        assert connection.wait_for(StreamReset).stream_id == too_many
        apns.release()
        assert [connection.answer(stream)[0] for stream in streams] == [200] * 10
    assert reasons(apns) == ["MaxConcurrentStreams"]


def test_too_many_connections_of_one_team_in_a_minute_are_a_breach(
    apns: ApnsService, token: str
) -> None:
    apns.limit_connections(2)
    key, other = apns.new_key(), apns.new_key()
    for one in (key, other, key, other):
        with connection_to(apns) as connection:
            assert send(connection, headers_for(token, signed(one))) == (200, "")
    assert reasons(apns) == []
    with connection_to(apns) as connection:
        assert send(connection, headers_for(token, signed(key))) == (200, "")
    assert reasons(apns) == ["TooManyConnections"]


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (Answer(status=410, reason="Unregistered"), b'{"reason": "Unregistered"}'),
        (
            Answer(status=410, reason="ExpiredToken", timestamp_ms=1),
            b'{"reason": "ExpiredToken", "timestamp": 1}',
        ),
        (Answer(status=403, reason="BadEnvironmentKeyInToken"), None),
        (Answer(status=418, reason="NewThisYear"), b'{"reason": "NewThisYear"}'),
        (Answer(status=500, body="<html>"), b"<html>"),
        (Answer(status=503, body=""), b""),
    ],
)
def test_any_answer_can_be_ordered(
    apns: ApnsService, token: str, right: list[Header], answer: Answer, body: bytes | None
) -> None:
    apns.answer_next(token, answer)
    expected = json.dumps({"reason": answer.reason}).encode() if body is None else body
    with connection_to(apns) as connection:
        assert connection.answer(connection.send(right, ALERT)) == (answer.status, expected)
    assert (reasons(apns), apns.messages(token)) == ([], [])


def test_an_answer_can_say_when_to_come_again(
    apns: ApnsService, token: str, right: list[Header]
) -> None:
    answer = Answer(status=503, reason="ServiceUnavailable", headers={"retry-after": "7"})
    apns.answer_next(token, answer)
    with connection_to(apns) as connection:
        connection.send(right, ALERT)
        said = connection.wait_for(ResponseReceived).headers or []
        assert ("retry-after", "7") in [(str(name), str(value)) for name, value in said]


def test_a_goaway_at_once_names_the_last_stream_and_its_reason(
    apns: ApnsService, token: str, right: list[Header]
) -> None:
    with connection_to(apns) as connection:
        warm(connection, right)
        apns.answer_next(token, Answer(status=503, reason="Shutdown", goaway="at once"))
        last = connection.send(right, ALERT)
        assert connection.answer(last)[0] == 503
        goodbye = connection.wait_for_goodbye(last)
        assert (goodbye.error_code, goodbye.data) == (0, b'{"reason": "Shutdown"}')
        above = connection.send(right, ALERT)
        connection.until_closed()
        assert above not in answered(connection)
    assert apns.above_goaway() == 1
    assert reasons(apns) == []


def test_a_graceful_goaway_takes_streams_until_it_names_the_last(
    apns: ApnsService, token: str, right: list[Header]
) -> None:
    with connection_to(apns) as connection:
        warm(connection, right)
        goodbye, late = Answer(reason="Shutdown", goaway="graceful"), Answer(delay_s=0.4)
        apns.answer_next(token, goodbye, late)
        assert send(connection, right) == (200, "")
        connection.wait_for_goodbye(LAST_POSSIBLE_STREAM)
        below = connection.send(right, ALERT)
        assert connection.wait_for_goodbye(below).error_code == ErrorCodes.NO_ERROR
        above = connection.send(right, ALERT)
        connection.until_closed()
        assert below in answered(connection)
        assert above not in answered(connection)
    assert (apns.above_goaway(), len(apns.messages(token))) == (1, 3)
    assert reasons(apns) == []


@pytest.mark.parametrize(
    ("answer", "is_received"),
    [
        (Answer(reset="REFUSED_STREAM", at="headers"), False),
        (Answer(reset="REFUSED_STREAM"), False),
        (Answer(reset="INTERNAL_ERROR"), True),
        (Answer(status=503, reset="INTERNAL_ERROR"), False),
        (Answer(status=503, reset="CANCEL", at="answer"), False),
    ],
)
def test_a_stream_can_be_reset_at_any_time_and_the_connection_goes_on(
    apns: ApnsService, token: str, right: list[Header], answer: Answer, *, is_received: bool
) -> None:
    with connection_to(apns) as connection:
        warm(connection, right)
        apns.answer_next(token, answer)
        stream = begin_or_send(connection, right, answer.at)
        reset = connection.wait_for(StreamReset)
        assert (reset.stream_id, reset.error_code) == (stream, ErrorCodes[answer.reset])
        assert (stream in answered(connection)) == (answer.at == "answer")
        assert send(connection, right) == (200, "")
    assert len(apns.messages(token)) == 2 + is_received
    assert [one["status"] for one in apns.requests(token)] == [200, None, 200]
    assert reasons(apns) == []


@pytest.mark.parametrize("at", ["headers", "end", "answer"])
def test_a_connection_can_be_cut_at_any_time(
    apns: ApnsService, token: str, right: list[Header], at: Literal["headers", "end", "answer"]
) -> None:
    apns.answer_next(token, Answer(status=503, cut=True, at=at))
    with connection_to(apns) as connection:
        stream = begin_or_send(connection, right, at)
        connection.until_closed()
        assert (stream in answered(connection)) == (at == "answer")
    assert not apns.connections()[-1]["isOpen"]
    assert (apns.messages(token), reasons(apns)) == ([], [])


def test_an_answer_can_be_withheld_and_a_ping_too(
    apns: ApnsService, token: str, right: list[Header]
) -> None:
    apns.answer_next(token, Answer(silent=True))
    with connection_to(apns) as connection:
        connection.send(right, ALERT)
        settled(connection, 1)
        assert answered(connection) == set()
        apns.go_deaf()
        connection.ping()
        assert connection.is_silent_for(0.2)
    assert reasons(apns) == []
