"""Many requests that arrive at the same moment."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tests.client import Reply

TIMEOUT_S = 60


def at_once(calls: Sequence[Callable[[], Reply]]) -> list[Reply]:
    """Make all calls at the same moment and return their answers in the order of the calls."""
    together = Barrier(len(calls))

    def one(call: Callable[[], Reply]) -> Reply:
        together.wait(TIMEOUT_S)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls, timeout=TIMEOUT_S))
