"""Room with a gateway: taken in turn, several places at once."""

import asyncio

from heliograph.delivery.room import Room

ALL = 200


async def test_there_is_room_for_two_hundred() -> None:
    share = Room().share()
    assert [await share.take(140), await share.take(100)] == [140, 60]


async def test_who_waits_is_served_in_turn_with_what_it_needs() -> None:
    room = Room()
    first = room.share()
    assert await first.take(ALL) == ALL
    large = asyncio.create_task(room.share().take(80))
    small = asyncio.create_task(room.share().take(1))
    first.give_back(59)
    await asyncio.sleep(0)
    assert not large.done()
    assert not small.done()
    first.give_back(20)
    assert (await large, small.done()) == (79, False)
    first.give_back(1)
    assert await small == 1


async def test_who_leaves_off_waiting_holds_nothing() -> None:
    room = Room()
    first = room.share()
    assert await first.take(ALL) == ALL
    given_up = asyncio.create_task(room.share().take(30))
    served_too_late = asyncio.create_task(room.share().take(30))
    await asyncio.sleep(0)
    given_up.cancel()
    first.give_back_all()
    served_too_late.cancel()
    await asyncio.wait([given_up, served_too_late])
    assert await room.share().take(ALL) == ALL
