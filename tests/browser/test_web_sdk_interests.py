"""Interests in the official web SDK, unmodified, in a real Firefox."""

import pytest

from tests.browser.app import NULL, UNDEFINED, WEB_SDK, App
from tests.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALLOWED = "abcxyzABCXYZ0189_-=@,.;"
TOO_LONG = "Error: Interest is longer than the maximum of 164 chars"
IS_REQUIRED = "Error: Interest name is required"
BAD_NAMES = (
    (UNDEFINED, IS_REQUIRED),
    (NULL, IS_REQUIRED),
    (7, "Error: Interest 7 is not a string"),
    ("a" * 165, TOO_LONG),
    *(
        (f"a{character}b", f'Error: interest "a{character}b" contains a forbidden character. ')
        for character in (" ", "/", ":", "+", "%", "\n", "é", "🎈")
    ),
)


@WEB_SDK.does("`addDeviceInterest()`", "`removeDeviceInterest()`", "`getDeviceInterests()`")
async def test_interests_are_kept_by_the_server(app: App, server: Server) -> None:
    device_id = await app.start()
    for name in ("news", ALLOWED, "a" * 164, "news"):
        await app.call("addDeviceInterest", name)
    expected = sorted(["news", ALLOWED, "a" * 164])
    assert await app.call("getDeviceInterests") == {"interests": expected}
    assert server.instance.devices.all_interests(device_id) == expected
    for name in (ALLOWED, "a" * 164, "a" * 164, "never-added"):
        await app.call("removeDeviceInterest", name)
    assert await app.call("getDeviceInterests") == {"interests": ["news"]}


@WEB_SDK.does("`setDeviceInterests()`", "`clearDeviceInterests()`")
async def test_all_interests_are_replaced_at_once(app: App) -> None:
    await app.start()
    await app.call("setDeviceInterests", ["b", "a", "b"])
    assert await app.call("getDeviceInterests") == {"interests": ["a", "b"]}
    # These two can't travel in a path.
    await app.call("setDeviceInterests", ["c", ".", ".."])
    assert await app.call("getDeviceInterests") == {"interests": [".", "..", "c"]}
    await app.call("clearDeviceInterests")
    assert await app.call("getDeviceInterests") == {"interests": []}


@WEB_SDK.does("`getDeviceInterests()` page by page")
async def test_interests_are_read_page_by_page(app: App) -> None:
    await app.start()
    many = [f"interest-{number:03}" for number in range(250)]
    await app.call("setDeviceInterests", many)
    first = await app.call("getDeviceInterests")
    assert first["interests"] == many[:100]
    second = await app.call("getDeviceInterests", 100, first["nextCursor"])
    third = await app.call("getDeviceInterests", 100, second["nextCursor"])
    assert second["interests"] + third["interests"] == many[100:]
    assert "nextCursor" not in third
    # Interests that come and go meanwhile are no reason to lose one, or to read one twice.
    await app.call("removeDeviceInterest", many[99])
    await app.call("addDeviceInterest", "first")
    assert await app.call("getDeviceInterests", 100, first["nextCursor"]) == second
    one = await app.call("getDeviceInterests", 1, first["nextCursor"])
    assert one["interests"] == [many[100]]
    # The SDK sends no limit of 0, which leaves the server's own.
    assert len((await app.call("getDeviceInterests", 0))["interests"]) == 100


@WEB_SDK.does("error for more than 5000 interests")
async def test_a_device_has_at_most_5000_interests(app: App) -> None:
    await app.start()
    many = [f"{number:04}" for number in range(5001)]
    assert await app.refusal("setDeviceInterests", many) == (
        "Error: Number of interests (5001) exceeds maximum of 5000"
    )
    await app.call("setDeviceInterests", many[:5000])
    assert await app.refusal("addDeviceInterest", many[5000]) == (
        "Error: Unexpected status code 400: "
        "Interest set too large, A device has at most 5000 interests"
    )
    # One that is there already is no further one.
    await app.call("addDeviceInterest", many[0])


@WEB_SDK.does("error for a bad interest")
async def test_a_bad_name_is_refused_before_it_is_sent(app: App) -> None:
    await app.start()
    await app.call("addDeviceInterest", "news")
    for name, error in BAD_NAMES:
        for method in ("addDeviceInterest", "removeDeviceInterest"):
            assert (await app.refusal(method, name)).startswith(error)
        if name is not UNDEFINED:
            listed = [name] if name is not NULL else [None]
            assert (await app.refusal("setDeviceInterests", listed)).startswith(error)
    assert await app.call("getDeviceInterests") == {"interests": ["news"]}


async def test_interests_are_set_as_a_list_only(app: App) -> None:
    await app.start()
    for nothing in (UNDEFINED, NULL):
        error = await app.refusal("setDeviceInterests", nothing)
        assert error == "Error: interests argument is required"
    for other in ("news", {"news": True}):
        error = await app.refusal("setDeviceInterests", other)
        assert error == "Error: interests argument must be an array"


async def test_a_name_that_the_sdk_lets_pass_harms_nobody(app: App, server: Server) -> None:
    """The SDK takes an empty name for one, and browsers take dots for steps in the path."""
    device_id = await app.start()
    await app.call("addDeviceInterest", "news")
    for name in ("", "."):
        for method in ("addDeviceInterest", "removeDeviceInterest"):
            error = await app.refusal(method, name)
            assert error.startswith("Error: Unexpected status code 400: Bad Request, ")
    for method in ("addDeviceInterest", "removeDeviceInterest"):
        error = await app.refusal(method, "..")
        assert error.startswith("Error: Unexpected status code 404: Not found, ")
    assert server.instance.devices.get(device_id).status == 200
    assert await app.call("getDeviceInterests") == {"interests": ["news"]}


@WEB_SDK.does("error for a bad limit or cursor")
async def test_the_page_can_read_why_a_page_of_interests_was_refused(app: App) -> None:
    await app.start()
    refused = "Error: Unexpected status code 400: Bad Request, "
    for limit in (101, -1, "many"):
        error = await app.refusal("getDeviceInterests", limit)
        assert error.startswith(f"{refused}limit must be ")
    for cursor in ("*", "AA"):
        error = await app.refusal("getDeviceInterests", 100, cursor)
        assert error.startswith(f"{refused}cursor must be ")


@WEB_SDK.does("error for interests before `start()`")
async def test_there_are_no_interests_before_the_start(app: App) -> None:
    for method, arguments, attempt in (
        ("addDeviceInterest", ["news"], "add Device Interest"),
        ("removeDeviceInterest", ["news"], "remove Device Interest"),
        ("getDeviceInterests", [], "get Device Interests"),
        ("setDeviceInterests", [["news"]], "set Device Interests"),
        ("clearDeviceInterests", [], "clear Device Interests"),
    ):
        assert await app.refusal(method, *arguments) == (
            f"Error: Could not {attempt}. SDK not registered with Beams. Did you call .start?"
        )
