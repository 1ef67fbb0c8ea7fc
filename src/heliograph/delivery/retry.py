"""When a target is tried again, and when no more."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from heliograph.model.batch import Attempt
from heliograph.model.limits import MAX_RETRY_TIME

_FIRST_DELAY = timedelta(seconds=10)
_MAX_DELAY = timedelta(minutes=10)
_MAX_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class GiveUp:
    """There is no time left for another try."""


def next_try(
    last: Attempt | None,
    *,
    now: datetime,
    expires_at: datetime,
    asked: timedelta | None,
    rng: random.Random,
) -> Attempt | GiveUp:
    """The next attempt at a target that was just tried: 10 s, doubling, at most 10 min, +-50 %.

    last: the attempt that just failed; None if it was the first. asked: what the gateway asked
    for, taken if it is longer. It ends when the message expires, or after an hour of trying.
    """
    tries = 1 if last is None else last.tries + 1
    first_at = now if last is None else last.first_at
    delay = min(_FIRST_DELAY * 2 ** min(tries - 1, _MAX_DOUBLINGS), _MAX_DELAY)
    delay = max(delay * rng.uniform(0.5, 1.5), asked or timedelta())
    due_at = now + delay
    if due_at > min(expires_at, first_at + MAX_RETRY_TIME):
        return GiveUp()
    return Attempt(tries, first_at, due_at)
