"""Rates: how many requests a second one caller may make.

Counted in the memory of this process, with one number a caller, without a lock or a wait: each
process that answers requests counts for itself, and begins anew when it is started. Of more callers
than are kept in mind, the one that was quiet the longest is forgotten, and has its burst again.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from heliograph.model.errors import RateLimited

logger = logging.getLogger(__name__)

_SECOND_NS = 1_000_000_000
_MAX_CALLERS = 50_000
_BETWEEN_WARNINGS_NS = 60 * _SECOND_NS
_PUBLISHING_BURST_S = 1
_ADDRESS_BURST_S = 10
"""An app's page makes some requests at once, and many phones may share one address."""

_PERHAPS = "(is it a reverse proxy? name it in --trusted-proxies)"


class Rate:
    """At most so many requests a second of each caller; what it doesn't use it may burst later.

    per_second: 0 is no limit. burst_s: how many seconds' requests may come at once. warning: logged
    with the caller in place of %s, at most once a minute.

    The generic cell rate algorithm (ITU-T I.371), with nanoseconds in place of cells.
    """

    def __init__(
        self,
        per_second: int,
        *,
        burst_s: int,
        warning: str,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._interval = _SECOND_NS // per_second if per_second else 0
        self._burst = burst_s * per_second * self._interval
        self._warning = warning
        self._clock_ns = clock_ns
        self._rested_at: OrderedDict[str, int] = OrderedDict()
        """By caller: when it will have all of its burst again."""
        self._warn_at = clock_ns()

    def take(self, caller: str) -> None:
        """Count one request. Raises RateLimited, with nothing counted."""
        now = self._clock_ns()
        rested_at = max(self._rested_at.get(caller, now), now) + self._interval
        wait = rested_at - now - self._burst
        if wait > 0:
            self._warn(caller, now)
            raise RateLimited(timedelta(seconds=wait / _SECOND_NS))
        self._rested_at[caller] = rested_at
        self._rested_at.move_to_end(caller)
        if len(self._rested_at) > _MAX_CALLERS:
            self._rested_at.popitem(last=False)

    def _warn(self, caller: str, now: int) -> None:
        if now >= self._warn_at:
            self._warn_at = now + _BETWEEN_WARNINGS_NS
            logger.warning(self._warning, caller)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """The rates of this process."""

    instances: Rate
    """Requests with a secret key, by instance. Counted once the key is proven, so that nobody else
    can use them up."""
    addresses: Rate
    """Requests that need no secret key, or came with a wrong one, by address."""
    reports: Rate
    """Reports of devices, by address: apart, so that they don't keep a device from registering."""


def rates(*, publish_rate: int, device_rate: int) -> Rates:
    """Rates as the settings have them."""
    return Rates(
        instances=Rate(
            publish_rate,
            burst_s=_PUBLISHING_BURST_S,
            warning="instance %s asks more often than --publish-rate allows: refused",
        ),
        addresses=Rate(
            device_rate,
            burst_s=_ADDRESS_BURST_S,
            warning=f"%s asks more often than --device-rate allows: refused {_PERHAPS}",
        ),
        reports=Rate(
            device_rate,
            burst_s=_ADDRESS_BURST_S,
            warning=f"%s reports more often than --device-rate allows: dropped {_PERHAPS}",
        ),
    )
