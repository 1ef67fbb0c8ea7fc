"""When a target is tried again: later each time, never after its time, and not for ever."""

import random
from datetime import UTC, datetime, timedelta

from heliograph.delivery.retry import GiveUp, next_try
from heliograph.gateways.apns import OUTAGE, TOO_MANY
from heliograph.model.batch import Attempt
from heliograph.model.verdict import Retry

START = datetime(2026, 1, 1, tzinfo=UTC)
FAR = START + timedelta(days=28)
NOT_NOW = Retry("HTTP 503")


def delays(seed: int, *, expires_at: datetime = FAR, said: Retry = NOT_NOW) -> list[timedelta]:
    """The delays of a target that fails for ever."""
    found: list[timedelta] = []
    last, now = None, START
    rng = random.Random(seed)
    while True:
        attempt = next_try(last, said, now=now, expires_at=expires_at, rng=rng)
        if isinstance(attempt, GiveUp):
            return found
        found.append(attempt.due_at - now)
        last, now = attempt, attempt.due_at


def test_it_begins_with_ten_seconds_and_doubles_up_to_ten_minutes() -> None:
    for seed in range(50):
        for number, delay in enumerate(delays(seed)):
            middle = min(timedelta(seconds=10) * 2**number, timedelta(minutes=10))
            assert middle / 2 <= delay <= middle * 1.5


def test_it_ends_after_an_hour() -> None:
    for seed in range(50):
        assert timedelta(minutes=30) <= sum(delays(seed), timedelta()) <= timedelta(hours=1)


def test_it_ends_with_the_time_to_live() -> None:
    expires_at = START + timedelta(seconds=30)
    for seed in range(50):
        assert sum(delays(seed, expires_at=expires_at), timedelta()) <= timedelta(seconds=30)


def test_what_the_gateway_asks_for_wins_if_it_is_longer() -> None:
    asked = timedelta(minutes=20)
    attempt = next_try(
        None, Retry("HTTP 503", asked), now=START, expires_at=FAR, rng=random.Random(1)
    )
    assert attempt == Attempt(1, START, START + asked)
    soon = timedelta(seconds=1)
    attempt = next_try(
        None, Retry("HTTP 503", soon), now=START, expires_at=FAR, rng=random.Random(1)
    )
    assert isinstance(attempt, Attempt)
    assert attempt.due_at - START >= timedelta(seconds=5)


def test_what_the_gateway_asks_for_ends_with_the_time_to_live_alone() -> None:
    hours = Retry("HTTP 503", timedelta(hours=3))
    for expires_at, wanted in (
        (FAR, Attempt(1, START, START + timedelta(hours=3))),
        (
            START + timedelta(hours=2),
            GiveUp(),
        ),
    ):
        rng = random.Random(1)
        assert next_try(None, hours, now=START, expires_at=expires_at, rng=rng) == wanted


def test_apple_is_left_in_peace_for_15_minutes_after_two_tries() -> None:
    for seed in range(20):
        found = delays(seed, said=Retry("HTTP 503", None, OUTAGE))
        assert max(found[:2]) < timedelta(minutes=1)
        assert min(found[2:]) >= timedelta(minutes=15)


def test_a_device_that_gets_too_many_waits_a_minute_and_doubles() -> None:
    for seed in range(20):
        for number, delay in enumerate(delays(seed, said=Retry("TooManyRequests", None, TOO_MANY))):
            middle = min(timedelta(seconds=60) * 2**number, timedelta(minutes=20))
            assert middle / 2 <= delay <= middle * 1.5
