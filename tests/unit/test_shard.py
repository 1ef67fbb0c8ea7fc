"""A shard is split along the ids of devices: no device is left out, and none is in two parts."""

from itertools import pairwise
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.model.device import Platform
from heliograph.model.shard import START, Position, Shard, share_done, split

PARTS = 16
ids = st.builds(
    lambda platform, uuid: (platform, f"{platform}-{uuid}"), st.sampled_from(Platform), st.uuids()
)


def shard_at(platform: Platform, device_id: str) -> Shard:
    return Shard(platform=platform, number=0, position=Position("", device_id))


@given(ids, st.integers(1, 64))
def test_the_parts_are_all_that_is_behind_the_position_and_none_overlaps(
    where: tuple[Platform, str], parts: int
) -> None:
    shard = shard_at(*where)
    ranges = split(shard, parts)
    assert len(ranges) in {0, parts}
    if not ranges:
        return
    starts, ends = [start for start, _ in ranges], [end for _, end in ranges]
    assert (starts[0], ends[-1]) == (shard.position, None)
    assert starts[1:] == ends[:-1]
    assert all(before < after for before, after in pairwise(one.device_id for one in starts))


@given(ids, ids)
def test_each_device_behind_the_position_is_in_one_part(
    where: tuple[Platform, str], other: tuple[Platform, str]
) -> None:
    platform, position = where
    device_id = f"{platform}-{other[1].removeprefix(f'{other[0]}-')}"
    ranges = split(shard_at(platform, position), PARTS)
    holding = [
        start
        for start, until in ranges
        if start.device_id < device_id and (until is None or device_id <= until.device_id)
    ]
    assert len(holding) == bool(ranges and device_id > position)


@given(ids)
def test_the_parts_are_about_equal(where: tuple[Platform, str]) -> None:
    ranges = split(shard_at(*where), PARTS)
    places = [int(start.device_id.partition("-")[2][:8], 16) for start, _ in ranges]
    if ranges:
        sizes = [after - before for before, after in pairwise([*places, 16**8])]
        assert max(sizes) - min(sizes) < PARTS


@pytest.mark.parametrize(
    "device_id", ["", "apns-", "apns-12345", "apns-iphone-of-alice", "apns-6A5F0000-A", "fcm-0"]
)
def test_ids_that_are_no_uuids_are_not_split(device_id: str) -> None:
    assert split(shard_at(Platform.APNS, device_id), PARTS) == []


@pytest.mark.parametrize("left", range(PARTS))
def test_what_is_too_little_is_not_split(left: int) -> None:
    last = UUID(int=2**128 - 1 - (left << 96))
    assert bool(split(shard_at(Platform.WEB, f"web-{last}"), PARTS)) == (left + 1 >= PARTS)


@given(ids)
def test_the_parts_of_what_is_not_done_are_begun_with_nothing_done(
    where: tuple[Platform, str],
) -> None:
    shard = shard_at(*where)
    for start, until in split(shard, PARTS)[1:]:
        part = Shard(platform=shard.platform, number=1, start=start, position=start, until=until)
        assert share_done(part) == 0


@given(ids)
def test_the_shares_of_all_parts_add_up_to_one_when_they_are_done(
    where: tuple[Platform, str],
) -> None:
    shard = shard_at(*where)
    ranges = split(shard, PARTS)
    parts = [
        Shard(platform=shard.platform, number=number, start=start, position=start, until=until)
        for number, (start, until) in enumerate([(START, ranges[0][1]), *ranges[1:]])
        if ranges
    ]
    done = [msgspec.structs.replace(part, done=True) for part in parts]
    assert not ranges or sum(map(share_done, done)) == pytest.approx(1)


def test_the_share_that_is_done_grows_with_the_position() -> None:
    quarters = [shard_at(Platform.FCM, f"fcm-{digit}0000000-0") for digit in "048c"]
    assert [share_done(shard) for shard in quarters] == [0, 0.25, 0.5, 0.75]


def test_there_is_no_telling_for_users_whose_devices_are_not_in_the_order_of_their_ids() -> None:
    shard = Shard(platform=Platform.APNS, number=0, position=Position("alice", "apns-00000001-0"))
    assert share_done(shard) == 0
