"""Rates: a burst, then so many a second, each caller for itself."""

from datetime import timedelta

import pytest

from heliograph.api.rate import Rate
from heliograph.model.errors import RateLimited

SECOND_NS = 1_000_000_000


class Clock:
    """Stands still unless a test moves it."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def new_rate(per_second: int, clock: Clock, *, burst_s: int = 1) -> Rate:
    return Rate(per_second, burst_s=burst_s, warning="%s", clock_ns=clock)


def taken_at_once(rate: Rate, caller: str, attempts: int) -> int:
    taken = 0
    for _ in range(attempts):
        try:
            rate.take(caller)
        except RateLimited:
            continue
        taken += 1
    return taken


@pytest.mark.parametrize("per_second", [1, 3, 7, 100, 999])
def test_a_burst_is_taken_to_the_last_and_not_one_more(clock: Clock, per_second: int) -> None:
    rate = new_rate(per_second, clock, burst_s=2)
    assert taken_at_once(rate, "alice", 5 * per_second) == 2 * per_second


def test_after_a_burst_so_many_a_second_are_taken(clock: Clock) -> None:
    rate = new_rate(100, clock)
    taken_at_once(rate, "alice", 100)
    for _ in range(10):
        clock.advance(1)
        assert taken_at_once(rate, "alice", 500) == 100


def test_what_is_refused_does_not_count_and_says_how_long_to_wait(clock: Clock) -> None:
    rate = new_rate(10, clock)
    taken_at_once(rate, "alice", 1000)
    with pytest.raises(RateLimited) as refused:
        rate.take("alice")
    assert refused.value.retry_after == timedelta(milliseconds=100)
    clock.advance(0.1)
    rate.take("alice")


def test_a_long_rest_is_worth_no_more_than_a_burst(clock: Clock) -> None:
    rate = new_rate(10, clock)
    taken_at_once(rate, "alice", 10)
    clock.advance(3600)
    assert taken_at_once(rate, "alice", 100) == 10


def test_one_caller_takes_nothing_from_another(clock: Clock) -> None:
    rate = new_rate(10, clock)
    taken_at_once(rate, "alice", 100)
    assert taken_at_once(rate, "bob", 100) == 10


def test_a_rate_of_0_is_no_limit(clock: Clock) -> None:
    assert taken_at_once(new_rate(0, clock), "alice", 1000) == 1000


def test_of_too_many_callers_the_one_that_was_quiet_the_longest_is_forgotten(clock: Clock) -> None:
    rate = new_rate(1, clock)
    for number in range(50_000):
        rate.take(f"caller {number}")
    rate.take("one more")
    with pytest.raises(RateLimited):
        rate.take("caller 1")
    rate.take("caller 0")


def test_the_operator_is_told_once_a_minute(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    rate = Rate(1, burst_s=1, warning="%s asks too often", clock_ns=clock)
    taken_at_once(rate, "alice", 100)
    assert caplog.messages == ["alice asks too often"]
    clock.advance(60)
    taken_at_once(rate, "alice", 100)
    assert len(caplog.messages) == 2
