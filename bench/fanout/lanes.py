"""How long one user waits while many are served: a publish to one, until the gateway has it.

When nothing else is done, while a large publish of the same instance is under way, one of another
instance, and both. There is always one under way: behind it the next is waiting.
"""

import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack

from bench.fanout.ours import Set, prepared
from bench.stage.devices import ALL, PROBED_USER, write_devices
from bench.stage.payloads import PAYLOADS
from bench.stage.programs import tell
from bench.stage.server import Publisher
from bench.stage.stage import Stage

_PAUSE_S = 0.02
"""Between an arrival and the next publish to one user."""
_TIMEOUT_S = 120
_SETTLED_AFTER_S = 3
"""The last are noted by then, and what is measured next is not slowed by it."""


def latency(
    stage: Stage, platform: str, *, devices: int, probes: int
) -> dict[str, dict[str, float]]:
    """Milliseconds from the HTTP request to the gateway: median and 99th percentile of `probes`."""
    with ExitStack() as stack:
        here = stack.enter_context(prepared(stage, platform, devices))
        other = stack.enter_context(_another_instance(here, stage))
        busy: dict[str, list[Publisher]] = {
            "idle": [],
            "same_instance_busy": [here.publisher],
            "other_instance_busy": [other],
            "both_busy": [here.publisher, other],
        }
        return {name: _measured(here, loads, probes, name) for name, loads in busy.items()}


def idle_latency(stage: Stage, platform: str, *, probes: int) -> dict[str, float]:
    """The same of a server that has nothing else to do, and a single device."""
    with prepared(stage, platform, 1) as here:
        return _measured(here, [], probes, "idle")


def _another_instance(here: Set, stage: Stage) -> Publisher:
    instance = here.server.create_instance("another")
    here.server.set_credentials(instance, stage.credentials)
    file = stage.directory / "another.jsonl"
    write_devices(file, here.platform, here.devices, push_service=here.fake.url)
    tell(f"importing {here.devices:,} devices of another instance")
    here.server.import_devices(instance, file)
    return Publisher(here.server, instance)


def _measured(here: Set, loads: Sequence[Publisher], probes: int, name: str) -> dict[str, float]:
    backlog = _Backlog(here, loads)
    backlog.keep()
    waited_ms = []
    for _ in range(probes):
        backlog.keep()
        waited_ms.append(probed_ms(here))
        time.sleep(_PAUSE_S)
    backlog.wait_until_done()
    found = percentiles(waited_ms)
    tell(f"  {name}: {found}")
    return found


def probed_ms(here: Set) -> float:
    """Publish to one user, and return after how many milliseconds the gateway had the message."""
    began_at = time.time()
    here.publisher.publish("users", PROBED_USER, PAYLOADS[here.platform])
    return (here.fake.arrivals.next(within_s=_TIMEOUT_S) - began_at) * 1000


def percentiles(values_ms: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values_ms, n=100, method="inclusive")
    return {
        "p50_ms": round(cuts[49], 2),
        "p99_ms": round(cuts[98], 2),
        "max_ms": round(max(values_ms), 2),
    }


class _Backlog:
    """Large publishes under way: of each loading instance one that is served, and one behind it."""

    def __init__(self, here: Set, loads: Sequence[Publisher]) -> None:
        self._here = here
        self._loads = loads
        self._before = here.fake.answered()
        self._rounds = 0

    def keep(self) -> None:
        """Publish once more to all devices of the loads, if less than a whole round is left."""
        if not self._loads:
            return
        while self._left() < self._a_round:
            for publisher in self._loads:
                publisher.publish("interests", ALL, PAYLOADS[self._here.platform])
            self._rounds += 1

    def wait_until_done(self) -> None:
        """Wait for the gateway to have all of it."""
        while self._left() > 0:
            time.sleep(0.1)
        time.sleep(_SETTLED_AFTER_S)

    @property
    def _a_round(self) -> int:
        return self._here.devices * len(self._loads)

    def _left(self) -> int:
        # The probes' own messages count too; they are few.
        return self._rounds * self._a_round - (self._here.fake.answered() - self._before)
