"""How far a publish has come, and when it may be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from heliograph.model.shard import Shard, share_done

_ENDS = ("delivered", "failed", "removed", "untied", "cancelled")
"""What can become of a target: each is counted under one of them in the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is known, and what may be.

    settled: targets that are done with. expected: all there may be, an estimate until the last page
    is read. ends_at: None if there is no telling yet.
    """

    settled: int
    expected: int
    ends_at: datetime | None


def forecast_of(
    shards: Sequence[Shard],
    counts: Mapping[str, Mapping[str, int]],
    *,
    accepted_at: datetime,
    now: datetime,
) -> Forecast:
    """How far a publish under way has come, at the pace it had so far.

    How many targets an interest has is not counted, which takes long for millions: it is estimated
    from where among all device ids each platform's fan-out is.
    """
    settled = sum(platform.get(end, 0) for platform in counts.values() for end in _ENDS)
    expected = max(sum(map(_expected, _by_platform(shards).values())), settled)
    took = now - accepted_at
    if not 0 < settled < expected or took <= timedelta():
        return Forecast(settled=settled, expected=expected, ends_at=None)
    ends_at = now + took * ((expected - settled) / settled)
    return Forecast(settled=settled, expected=expected, ends_at=ends_at)


def _by_platform(shards: Sequence[Shard]) -> dict[str, list[Shard]]:
    platforms: dict[str, list[Shard]] = {}
    for shard in shards:
        platforms.setdefault(shard.platform, []).append(shard)
    return platforms


def _expected(shards: Sequence[Shard]) -> int:
    noted = sum(shard.targets for shard in shards)
    share = sum(map(share_done, shards))
    is_complete = all(shard.done for shard in shards)
    return noted if is_complete or share <= 0 else round(noted / min(share, 1))
