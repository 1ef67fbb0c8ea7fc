"""When a target is tried again, and when no more."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from heliograph.model.batch import Attempt
from heliograph.model.limits import MAX_RETRY_TIME
from heliograph.model.verdict import Retry

_MAX_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class GiveUp:
    """There is no time left for another try."""


def next_try(
    last: Attempt | None,
    said: Retry,
    *,
    now: datetime,
    expires_at: datetime,
    rng: random.Random,
) -> Attempt | GiveUp:
    """The next attempt at a target that was just tried; by default after 10 s, doubling, +-50 %.

    last: the attempt that just failed; None if it was the first. It ends when the message expires,
    or after an hour of trying; what the gateway asked for is taken if it is longer, also than that.
    """
    tries = 1 if last is None else last.tries + 1
    back_off = said.back_off
    delay = min(back_off.first * 2 ** min(tries - 1, _MAX_DOUBLINGS), back_off.longest)
    delay *= rng.uniform(0.5, 1.5)
    if tries > 2 and back_off.after_two is not None:  # noqa: PLR2004
        delay = max(delay, back_off.after_two)
    first_at = _first_at(last, now)
    if said.after is not None and said.after > delay:
        attempt = Attempt(tries, first_at, now + said.after)
        return GiveUp() if attempt.due_at > expires_at else attempt
    return _within_time(Attempt(tries, first_at, now + delay), expires_at)


def postponed(
    last: Attempt | None, after: timedelta, *, now: datetime, expires_at: datetime
) -> Attempt | GiveUp:
    """The same attempt, later: nothing was sent."""
    tries = 0 if last is None else last.tries
    return _within_time(Attempt(tries, _first_at(last, now), now + after), expires_at)


def waiting_for_another(
    last: Attempt | None, refused_by: str | None, *, now: datetime, expires_at: datetime
) -> Attempt | GiveUp:
    """The attempt that comes when the credential is mended, or, if `refused_by`, another one."""
    tries = 0 if last is None else last.tries
    return _within_time(Attempt(tries, _first_at(last, now), now, refused_by), expires_at)


def gives_up_at(attempt: Attempt, expires_at: datetime) -> datetime:
    """Until when there may be another try."""
    return min(expires_at, attempt.first_at + MAX_RETRY_TIME)


def _first_at(last: Attempt | None, now: datetime) -> datetime:
    """The first try; now, if the clock was set back since, or it would be tried for hours."""
    return now if last is None else min(last.first_at, now)


def _within_time(attempt: Attempt, expires_at: datetime) -> Attempt | GiveUp:
    return GiveUp() if attempt.due_at > gives_up_at(attempt, expires_at) else attempt
