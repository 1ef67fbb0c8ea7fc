"""Devices subscribe to interests, one by one or all at once, and read them page by page."""

from functools import partial
from itertools import chain

import pytest

from tests.client import DeviceApi, Instance
from tests.contract.answers import assert_done, assert_refused, document
from tests.contract.crowd import at_once

MAX_INTERESTS = 5000
MAX_INTEREST_CHARS = 164
BAD_NAMES = [
    "a:b",
    "a b",
    "a/b",
    "é",
    "a#b",
    "a\n",
    "news\u0000",
    "a" * (MAX_INTEREST_CHARS + 1),
    "",
]
BAD_RAW_NAMES = [
    "a:b",
    "a%3Ab",
    "a%20b",
    "a+b",
    "a%2Fb",
    "%C3%A9",
    "%FF",
    "%00",
    "a%0A",
    "a%2540b",
    "%",
    "a" * (MAX_INTEREST_CHARS + 1),
]


@pytest.fixture
def device_id(devices: DeviceApi, platform: str) -> str:
    return devices.new(platform)


def test_a_new_device_has_no_interests(devices: DeviceApi, device_id: str) -> None:
    page = document(devices.get_interests(device_id))
    assert page["interests"] == []
    assert "nextCursor" not in page["responseMetadata"]


def test_a_subscription_needs_no_body_and_may_be_repeated(
    devices: DeviceApi, device_id: str
) -> None:
    assert_done(devices.post_interest(device_id, "news"))
    assert_done(devices.post_interest(device_id, "news"))
    assert devices.all_interests(device_id) == ["news"]


def test_a_subscription_may_announce_json_and_send_nothing(
    devices: DeviceApi, device_id: str
) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": "0"}
    assert_done(devices.post_interest(device_id, "news", headers=headers))
    assert devices.all_interests(device_id) == ["news"]


def test_an_interest_is_the_same_escaped_and_raw(devices: DeviceApi, device_id: str) -> None:
    assert_done(devices.post_interest(device_id, "a%40b%3B"))
    assert_done(devices.post_interest(device_id, "a@b;"))
    assert devices.all_interests(device_id) == ["a@b;"]
    assert_done(devices.delete_interest(device_id, "a%40b%3B"))
    assert devices.all_interests(device_id) == []


def test_no_part_of_a_name_is_taken_for_a_path_parameter(
    devices: DeviceApi, device_id: str
) -> None:
    for raw_name in ("a;b=c", "a;b=d", "a"):
        assert_done(devices.post_interest(device_id, raw_name))
    assert sorted(devices.all_interests(device_id)) == ["a", "a;b=c", "a;b=d"]


def test_names_have_a_case(devices: DeviceApi, device_id: str) -> None:
    assert_done(devices.post_interest(device_id, "News"))
    assert_done(devices.post_interest(device_id, "news"))
    assert_done(devices.delete_interest(device_id, "NEWS"))
    assert sorted(devices.all_interests(device_id)) == ["News", "news"]


def test_names_may_have_all_of_the_pattern(devices: DeviceApi, device_id: str) -> None:
    names = ["a_-=@,.;Z9", "a" * MAX_INTEREST_CHARS, "0", ".", ".."]
    assert_done(devices.put_interests(device_id, names))
    assert sorted(devices.all_interests(device_id)) == sorted(names)


@pytest.mark.parametrize("raw_name", ["a_-=@,.;Z9", "a" * MAX_INTEREST_CHARS])
def test_good_names_travel_in_the_path(devices: DeviceApi, device_id: str, raw_name: str) -> None:
    assert_done(devices.post_interest(device_id, raw_name))
    assert devices.all_interests(device_id) == [raw_name]


@pytest.mark.parametrize("raw_name", [*BAD_RAW_NAMES, ""])
def test_subscribing_to_a_bad_name_is_refused(
    devices: DeviceApi, device_id: str, raw_name: str
) -> None:
    assert_refused(devices.post_interest(device_id, raw_name), 400)
    assert devices.all_interests(device_id) == []


@pytest.mark.parametrize("raw_name", BAD_RAW_NAMES)
def test_unsubscribing_from_a_bad_name_is_refused(
    devices: DeviceApi, device_id: str, raw_name: str
) -> None:
    assert_refused(devices.delete_interest(device_id, raw_name), 400)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_set_with_a_bad_name_is_refused_and_nothing_changes(
    devices: DeviceApi, device_id: str, name: str
) -> None:
    assert_done(devices.put_interests(device_id, ["news"]))
    assert_refused(devices.put_interests(device_id, ["sport", name]), 400)
    assert devices.all_interests(device_id) == ["news"]


def test_unsubscribing_ends_the_subscription(devices: DeviceApi, device_id: str) -> None:
    assert_done(devices.put_interests(device_id, ["news", "sport"]))
    assert_done(devices.delete_interest(device_id, "news"))
    assert devices.all_interests(device_id) == ["sport"]


def test_unsubscribing_from_what_was_not_subscribed_succeeds(
    devices: DeviceApi, device_id: str
) -> None:
    assert_done(devices.delete_interest(device_id, "news"))


def test_a_set_replaces_what_was(devices: DeviceApi, device_id: str) -> None:
    assert_done(devices.put_interests(device_id, ["news", "sport"]))
    assert_done(devices.put_interests(device_id, ["sport", "weather"]))
    assert sorted(devices.all_interests(device_id)) == ["sport", "weather"]


def test_an_empty_set_clears(devices: DeviceApi, device_id: str) -> None:
    assert_done(devices.put_interests(device_id, ["news"]))
    assert_done(devices.put_interests(device_id, []))
    assert devices.all_interests(device_id) == []


def test_duplicates_in_a_set_collapse(devices: DeviceApi, device_id: str) -> None:
    assert_done(devices.put_interests(device_id, ["news", "news", "sport", "news"]))
    assert sorted(devices.all_interests(device_id)) == ["news", "sport"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"interests": "news"}',
        b'{"interests": [1]}',
        b'{"interests": null}',
    ],
)
def test_a_set_that_is_no_list_of_names_is_refused(
    instance: Instance, device_id: str, body: bytes
) -> None:
    path = f"{instance.devices.path_of(device_id)}/interests"
    headers = {"Content-Type": "application/json"}
    assert_refused(instance.client.request("PUT", path, body=body, headers=headers), 400)


def test_a_device_has_room_for_5000_of_the_longest_names(
    devices: DeviceApi, device_id: str
) -> None:
    names = [f"{number:0{MAX_INTEREST_CHARS}}" for number in range(MAX_INTERESTS)]
    assert_done(devices.put_interests(device_id, names))
    assert sorted(devices.all_interests(device_id)) == names


def test_a_set_of_5001_is_refused_and_nothing_changes(devices: DeviceApi, device_id: str) -> None:
    assert_done(devices.put_interests(device_id, ["news"]))
    names = [f"interest-{number}" for number in range(MAX_INTERESTS + 1)]
    assert_refused(devices.put_interests(device_id, names), 400, "5000")
    assert devices.all_interests(device_id) == ["news"]


def test_the_5001st_subscription_is_refused_when_all_arrive_at_once(
    devices: DeviceApi, device_id: str
) -> None:
    names = [f"interest-{number}" for number in range(MAX_INTERESTS - 5)]
    assert_done(devices.put_interests(device_id, names))

    late = [f"late-{number}" for number in range(20)]
    replies = at_once([partial(devices.post_interest, device_id, name) for name in late])

    refused = [reply for reply in replies if reply.status != 200]
    assert len(refused) == 15
    for reply in refused:
        assert_refused(reply, 400, "5000")
    assert len(devices.all_interests(device_id)) == MAX_INTERESTS
    assert_done(devices.post_interest(device_id, names[0]))


def test_250_interests_come_in_three_pages(devices: DeviceApi, device_id: str) -> None:
    names = [f"interest-{number:03}" for number in range(250)]
    assert_done(devices.put_interests(device_id, names))

    first = document(devices.get_interests(device_id))
    cursor = first["responseMetadata"]["nextCursor"]
    second = document(devices.get_interests(device_id, f"?limit=100&cursor={cursor}"))
    cursor = second["responseMetadata"]["nextCursor"]
    third = document(devices.get_interests(device_id, f"?cursor={cursor}&limit=100"))

    pages = [first["interests"], second["interests"], third["interests"]]
    assert [len(page) for page in pages] == [100, 100, 50]
    assert sorted(chain(*pages)) == names
    assert "nextCursor" not in third["responseMetadata"]


@pytest.mark.parametrize("count", [99, 100, 101, 200])
def test_no_page_is_empty_and_no_interest_lost_around_the_page_size(
    devices: DeviceApi, device_id: str, count: int
) -> None:
    names = [f"interest-{number:03}" for number in range(count)]
    assert_done(devices.put_interests(device_id, names))
    assert sorted(devices.all_interests(device_id)) == names
    first = document(devices.get_interests(device_id))
    assert ("nextCursor" in first["responseMetadata"]) == (count > 100)


def test_a_page_may_be_as_small_as_one(devices: DeviceApi, device_id: str) -> None:
    assert_done(devices.put_interests(device_id, ["news", "sport"]))
    first = document(devices.get_interests(device_id, "?limit=1"))
    cursor = first["responseMetadata"]["nextCursor"]
    second = document(devices.get_interests(device_id, f"?limit=1&cursor={cursor}"))
    assert sorted(first["interests"] + second["interests"]) == ["news", "sport"]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", "%00", "9" * 40])
def test_a_limit_that_is_not_1_to_100_is_refused(
    devices: DeviceApi, device_id: str, limit: str
) -> None:
    assert_refused(devices.get_interests(device_id, f"?limit={limit}"), 400, "limit")


@pytest.mark.parametrize("cursor", ["garbage", "garbage!", "%00", "%FF", "AAAA%C3%A9"])
def test_a_cursor_that_the_server_never_gave_is_refused(
    devices: DeviceApi, device_id: str, cursor: str
) -> None:
    assert_refused(devices.get_interests(device_id, f"?cursor={cursor}"), 400, "cursor")


def test_interests_of_an_unknown_device_are_refused(devices: DeviceApi, unknown_id: str) -> None:
    for reply in (
        devices.get_interests(unknown_id),
        devices.put_interests(unknown_id, ["news"]),
        devices.post_interest(unknown_id, "news"),
        devices.delete_interest(unknown_id, "news"),
    ):
        assert_refused(reply, 404, "device not found")


def test_a_stopped_device_has_no_interests_to_change(devices: DeviceApi, device_id: str) -> None:
    assert_done(devices.post_interest(device_id, "news"))
    assert_done(devices.delete(device_id))
    assert_refused(devices.post_interest(device_id, "news"), 404, "device not found")
    assert_refused(devices.get_interests(device_id), 404, "device not found")


def test_interests_of_devices_do_not_mix(devices: DeviceApi, platform: str) -> None:
    one, another = devices.new(platform), devices.new(platform)
    assert_done(devices.put_interests(one, ["news"]))
    assert_done(devices.put_interests(another, ["sport"]))
    assert_done(devices.put_interests(one, []))
    assert devices.all_interests(another) == ["sport"]
