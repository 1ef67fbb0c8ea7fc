"""How far a publish has come is known; how far it has to go is estimated until all is read."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from heliograph.model.device import Platform
from heliograph.model.forecast import Forecast, forecast_of
from heliograph.model.shard import Position, Shard

ACCEPTED_AT = datetime(2026, 12, 1, tzinfo=UTC)
NOW = ACCEPTED_AT + timedelta(minutes=10)
QUARTER, HALF, END = "40000000", "80000000", None


def shard(
    targets: int,
    at: str,
    *,
    since: str = "00000000",
    until: str | None = END,
    done: bool = False,
    platform: Platform = Platform.APNS,
) -> Shard:
    """A shard with so many targets between `since` and where it is."""

    def place(digits: str) -> Position:
        return Position("", f"{platform}-{digits}-0")

    return Shard(
        platform=platform,
        number=int(since, 16),
        start=place(since),
        position=place(at),
        until=None if until is None else place(until),
        targets=targets,
        done=done,
    )


def forecast(*shards: Shard, after: datetime = NOW, **counts: Mapping[str, int]) -> Forecast:
    return forecast_of(shards, counts, accepted_at=ACCEPTED_AT, now=after)


def test_with_nothing_settled_there_is_no_telling_when_it_may_end() -> None:
    assert forecast(shard(1000, QUARTER)) == Forecast(settled=0, expected=4000, ends_at=None)


def test_with_nothing_read_nothing_is_expected() -> None:
    assert forecast() == Forecast(settled=0, expected=0, ends_at=None)
    unread = Shard(platform=Platform.WEB, number=0)
    assert forecast(unread) == Forecast(settled=0, expected=0, ends_at=None)


def test_halfway_it_takes_as_long_again_as_it_took() -> None:
    halfway = forecast(shard(1000, HALF), apns={"targets": 1000, "delivered": 1000})
    assert halfway == Forecast(settled=1000, expected=2000, ends_at=NOW + timedelta(minutes=10))


def test_what_is_read_but_not_settled_is_yet_to_come() -> None:
    behind = forecast(shard(1000, HALF), apns={"targets": 1000, "delivered": 500})
    assert behind == Forecast(settled=500, expected=2000, ends_at=NOW + timedelta(minutes=30))


def test_all_that_can_become_of_a_target_is_settled_and_nothing_else() -> None:
    ends = {"delivered": 1, "failed": 20, "removed": 300, "untied": 4000, "cancelled": 50_000}
    others = {"targets": 10**6, "retried": 10**7, "opened": 10**8, "failed: ttl": 20}
    assert forecast(shard(10**5, HALF), apns={**ends, **others}).settled == 54_321


def test_when_all_is_read_the_number_is_known() -> None:
    read = forecast(shard(777, HALF, done=True), apns={"delivered": 111})
    assert read == Forecast(settled=111, expected=777, ends_at=NOW + timedelta(hours=1))


def test_what_is_settled_is_never_more_than_what_is_expected() -> None:
    """Counts and shards are read one after the other."""
    late = forecast(shard(10, HALF, done=True), apns={"delivered": 20})
    assert late == Forecast(settled=20, expected=20, ends_at=None)


def test_all_shards_of_a_platform_say_together_how_much_is_read() -> None:
    shards = [
        shard(1000, QUARTER, until=HALF),
        shard(1000, "c0000000", since=HALF),
    ]
    assert forecast(*shards).expected == 4000


def test_each_platform_is_estimated_by_itself() -> None:
    shards = [
        shard(1000, QUARTER),
        shard(300, HALF, platform=Platform.FCM),
        shard(7, HALF, platform=Platform.WEB, done=True),
    ]
    both = forecast(*shards, apns={"delivered": 1000}, fcm={"delivered": 300})
    assert (both.settled, both.expected) == (1300, 4000 + 600 + 7)


def test_what_was_cancelled_expects_no_more_than_what_was_read() -> None:
    shards = [shard(500, QUARTER, until=HALF, done=True), shard(0, HALF, since=HALF, done=True)]
    ended = forecast(*shards, apns={"delivered": 100, "cancelled": 400})
    assert ended == Forecast(settled=500, expected=500, ends_at=None)


def test_a_clock_that_was_set_back_tells_no_end() -> None:
    early = ACCEPTED_AT - timedelta(minutes=1)
    assert forecast(shard(1000, HALF), after=early, apns={"delivered": 10}).ends_at is None


def test_ids_that_are_no_uuids_tell_nothing_of_what_is_to_come() -> None:
    assert forecast(shard(1000, "iphone")).expected == 1000
