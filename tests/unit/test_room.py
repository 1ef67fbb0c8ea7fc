"""Room with a gateway: shared in turn, a part of it for users alone."""

import asyncio

from heliograph.delivery.room import Room
from heliograph.model.publish import AudienceKind

ALL, FOR_USERS = 180, 20


async def test_interests_leave_room_for_users() -> None:
    room = Room()
    large = room.share(AudienceKind.INTERESTS)
    assert [await large.take(100), await large.take(100)] == [100, 80]
    assert await room.share(AudienceKind.USERS).take(1) == 1


async def test_who_waits_is_served_in_turn_with_what_it_needs() -> None:
    room = Room()
    first = room.share(AudienceKind.INTERESTS)
    assert await first.take(ALL) == ALL
    second, third = room.share(AudienceKind.INTERESTS), room.share(AudienceKind.USERS)
    large = asyncio.create_task(second.take(80))
    small = asyncio.create_task(third.take(FOR_USERS + 1))
    first.give_back(59)
    await asyncio.sleep(0)
    assert not large.done()
    assert not small.done()
    first.give_back(20)
    assert (await large, small.done()) == (79, False)
    first.give_back(FOR_USERS + 1)
    assert await small == FOR_USERS + 1


async def test_who_leaves_off_waiting_holds_nothing() -> None:
    room = Room()
    first, second, third = (room.share(AudienceKind.INTERESTS) for _ in range(3))
    assert await first.take(ALL) == ALL
    given_up = asyncio.create_task(second.take(30))
    served_too_late = asyncio.create_task(third.take(30))
    await asyncio.sleep(0)
    given_up.cancel()
    first.give_back_all()
    served_too_late.cancel()
    await asyncio.wait([given_up, served_too_late])
    assert await room.share(AudienceKind.INTERESTS).take(ALL) == ALL


async def test_what_users_give_back_is_reserved_for_them_again() -> None:
    room = Room()
    for _ in range(3):
        share = room.share(AudienceKind.USERS)
        assert await share.take(FOR_USERS) == FOR_USERS
        share.give_back_all()
    assert await room.share(AudienceKind.INTERESTS).take(500) == ALL
    assert await room.share(AudienceKind.USERS).take(FOR_USERS) == FOR_USERS
