"""Insights are exact, stay so while hours are folded, and are read in a few rows."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.insights import Upkeep
from heliograph.model.device import Device, Platform
from heliograph.model.ids import InstanceId, UserId
from heliograph.model.insights import COUNTED, HOUR, By, DeviceCount, Figures, day_of, hour_of
from heliograph.model.publish import AudienceKind
from heliograph.model.shard import Shard
from heliograph.store import device_counts, devices, insights, publishes, quarantine, schema, users
from heliograph.store.engine import Store
from tests.push_tokens import new_push_token
from tests.store.explained import visited
from tests.store.racing import FCM, NOW, Work, at_once_with_retries, new_device, publish_of

WEB, APNS = Platform.WEB, Platform.APNS
USERS, INTERESTS = AudienceKind.USERS, AudienceKind.INTERESTS
DAY = timedelta(days=1)
ALICE = UserId("alice")


def counting(
    instance_id: InstanceId,
    at: datetime,
    audience: AudienceKind = USERS,
    platform: Platform | None = FCM,
    **figures: int,
) -> Work:
    of = insights.Of.hour(audience, platform, at)
    return partial(insights.count, instance_id=instance_id, new={of: figures})


async def count(store: Store, *works: Work) -> None:
    async with store.writing() as tx:
        for work in works:
            await work(tx)


async def groups(
    store: Store, instance_id: InstanceId, since: datetime, until: datetime, by: By
) -> dict[object, Figures]:
    async with store.reading() as connection:
        read = await insights.read(connection, instance_id, since, until, by)
    return {group.key: group.figures for group in read.groups}


async def total(store: Store, instance_id: InstanceId, since: datetime, until: datetime) -> Figures:
    async with store.reading() as connection:
        return (await insights.read(connection, instance_id, since, until, None)).total


async def rows(store: Store, instance_id: InstanceId) -> int:
    mine = schema.insights.c.instance_id == instance_id
    async with store.reading() as connection:
        chosen = select(func.count()).select_from(schema.insights).where(mine)
        return await connection.scalar(chosen) or 0


async def test_a_publish_belongs_to_the_hour_in_which_it_was_accepted(
    store: Store, instance_id: InstanceId
) -> None:
    noon = NOW.replace(hour=12, minute=0)
    last_moment = noon - timedelta(milliseconds=1)
    for accepted_at in (last_moment, noon, noon + HOUR - timedelta(milliseconds=1)):
        publish = msgspec.structs.replace(publish_of(instance_id), accepted_at=accepted_at)
        async with store.writing() as tx:
            begun = [Shard(platform=FCM, number=0)]
            # Fan-out may come to it much later.
            assert await publishes.begin(tx, publish, begun, [], now=noon + 9 * HOUR)
            assert not await publishes.begin(tx, publish, begun, [], now=noon + 9 * HOUR)
    one, two = Figures(publishes=1), Figures(publishes=2)
    both = noon - HOUR, noon + HOUR
    assert await groups(store, instance_id, *both, By.HOUR) == {noon - HOUR: one, noon: two}
    assert await total(store, instance_id, last_moment, noon) == one
    assert await total(store, instance_id, noon, noon + timedelta(seconds=1)) == two
    assert await total(store, instance_id, noon + HOUR, noon + DAY) == Figures()


async def test_figures_are_told_apart_and_add_up(store: Store, instance_id: InstanceId) -> None:
    night = day_of(NOW) - timedelta(minutes=1)
    await count(
        store,
        counting(instance_id, NOW, USERS, None, publishes=1),
        counting(instance_id, NOW, INTERESTS, None, publishes=1),
        counting(instance_id, NOW, USERS, FCM, targets=5, delivered=4, failed=1, unknown=9),
        counting(instance_id, NOW, INTERESTS, WEB, targets=7, removed=2),
        counting(instance_id, night, USERS, WEB, acknowledged=3),
    )
    since, until = NOW - 2 * DAY, NOW + DAY
    read = partial(groups, store, instance_id, since, until)
    to_users = Figures(publishes=1, targets=5, delivered=4, failed=1, acknowledged=3)
    to_interests = Figures(publishes=1, targets=7, removed=2)
    assert await read(By.KIND) == {"interests": to_interests, "users": to_users}
    assert await read(By.PLATFORM) == {
        "fcm": Figures(targets=5, delivered=4, failed=1),
        "web": Figures(targets=7, removed=2, acknowledged=3),
    }
    today = Figures(publishes=2, targets=12, delivered=4, failed=1, removed=2)
    assert await read(By.DAY) == {
        day_of(night): Figures(acknowledged=3),
        day_of(NOW): today,
    }
    assert await total(store, instance_id, since, until) == to_users + to_interests


async def test_hours_that_are_folded_while_others_count_lose_nothing(
    store: Store, instance_id: InstanceId
) -> None:
    begin = counting(instance_id, NOW, targets=1)
    await count(store, *[begin] * 60)
    fold = partial(insights.fold, instance_id=instance_id, now=NOW + DAY)
    works: list[Work] = []
    for _ in range(6):
        works += [fold, *[begin] * 15]
    await at_once_with_retries(store, works)
    assert await total(store, instance_id, NOW, NOW + HOUR) == Figures(targets=150)
    await count(store, fold)
    assert await rows(store, instance_id) == 1
    assert await total(store, instance_id, NOW, NOW + HOUR) == Figures(targets=150)


async def test_an_hour_in_which_many_count_is_not_folded(
    store: Store, instance_id: InstanceId
) -> None:
    await count(store, *[counting(instance_id, NOW, targets=1)] * 200)
    spread = await rows(store, instance_id)
    assert spread > 1
    await count(store, partial(insights.fold, instance_id=instance_id, now=NOW + HOUR))
    assert await rows(store, instance_id) == spread


async def test_hours_are_kept_as_long_as_is_set_and_no_longer(
    store: Store, instance_id: InstanceId
) -> None:
    hours = [NOW - number * HOUR for number in range(250)]
    await count(store, *[counting(instance_id, hour, targets=1) for hour in hours])
    at = DeviceCount(
        platform=FCM, subscribers=1, active=1, counted_at=NOW, took=timedelta(seconds=1)
    )
    for hour in hours[::50]:
        old = [replace(at, counted_at=hour)]
        await count(store, partial(device_counts.put, instance_id=instance_id, counts=old))
    await Upkeep(store, timedelta(hours=20), lambda: NOW).tidy_up()
    assert await total(store, instance_id, NOW - 300 * HOUR, NOW + HOUR) == Figures(targets=20)
    async with store.reading() as connection:
        assert await device_counts.newest(connection, instance_id, before=NOW - HOUR) == []
        assert await device_counts.newest(connection, instance_id, before=NOW + HOUR) == [at]


async def test_a_month_costs_a_few_rows_an_hour_however_much_was_counted(
    store: Store, instance_id: InstanceId
) -> None:
    hours, parts = 24 * 30, 4
    figures = dict.fromkeys(COUNTED, 1_000)
    made = [
        {
            "instance_id": instance_id,
            "hour": hour_of(NOW) - number * HOUR,
            "audience": audience,
            "platform": platform,
            "part": part,
            **figures,
        }
        for number in range(3, hours)
        for audience in AudienceKind
        for platform in Platform
        for part in range(parts)
    ]
    async with store.writing() as tx:
        await tx.execute(insert(schema.insights), made)
    await Upkeep(store, 100 * DAY, lambda: NOW).tidy_up()
    await store.survey()

    async def read(connection: AsyncConnection) -> None:
        await insights.read(connection, instance_id, NOW - 10 * HOUR, NOW, By.HOUR)

    assert await rows(store, instance_id) == len(made) / parts
    expected = Figures(**{name: 1_000 * len(made) for name in figures})
    assert await total(store, instance_id, NOW - 30 * DAY, NOW) == expected
    # Of ten hours: no other hour is looked at.
    assert await visited(store, read) < len(made) / parts


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


async def newest(store: Store, instance_id: InstanceId) -> dict[Platform, tuple[int, int]]:
    async with store.reading() as connection:
        counted = await device_counts.newest(connection, instance_id, before=NOW + 1000 * DAY)
    return {one.platform: (one.subscribers, one.active) for one in counted}


async def device(
    store: Store, instance_id: InstanceId, platform: Platform, now: datetime
) -> Device:
    async with store.writing() as tx:
        token = new_push_token(platform)
        made = await devices.register(tx, instance_id, platform, token, {}, now=now)
        return await devices.find(tx, instance_id, platform, made.id)


async def test_devices_are_counted_as_they_come_and_go(
    store: Store, instance_id: InstanceId
) -> None:
    clock = Clock()
    kept = Upkeep(store, 400 * DAY, clock)
    [phone, gone, *_] = [await device(store, instance_id, FCM, NOW) for _ in range(3)]
    browser = await device(store, instance_id, WEB, NOW)
    await kept.count_devices()
    assert await newest(store, instance_id) == {APNS: (0, 0), FCM: (3, 3), WEB: (1, 1)}
    async with store.writing() as tx:
        assert await devices.remove(tx, instance_id, WEB, browser.id, now=NOW)
        assert await devices.remove_gone(tx, gone, "unregistered", now=NOW)
    clock.at += timedelta(days=31)
    await kept.count_devices()
    assert await newest(store, instance_id) == {APNS: (0, 0), FCM: (2, 0), WEB: (0, 0)}
    async with store.writing() as tx:
        await devices.set_metadata(tx, instance_id, FCM, phone.id, {}, now=clock.at)
        await quarantine.restore(tx, instance_id, gone.id, now=NOW)
    clock.at += DAY
    await kept.count_devices()
    assert await newest(store, instance_id) == {APNS: (0, 0), FCM: (3, 1), WEB: (0, 0)}


async def test_a_device_that_is_heard_of_is_active(store: Store, instance_id: InstanceId) -> None:
    one: dict[str, Any] = {
        "instance_id": instance_id,
        "platform": FCM,
        "device_id": (await new_device(store, instance_id)).id,
    }
    first, second, third, fourth = [NOW + number * DAY for number in range(1, 5)]
    contacts: list[Work] = [
        partial(users.tie, **one, user_id=ALICE, now=first),
        partial(users.tie, **one, user_id=ALICE, now=second),
        partial(devices.set_metadata, **one, metadata={}, now=third),
        partial(devices.set_push_token, **one, push_token="another", now=fourth),
    ]
    for days, contact in enumerate(contacts, 1):
        await count(store, contact)
        async with store.reading() as connection:
            page = await device_counts.page(
                connection, instance_id, after="", limit=9, seen_since=day_of(NOW + days * DAY)
            )
        assert page.active.total() == 1, days


async def test_many_devices_are_counted_page_by_page(store: Store, instance_id: InstanceId) -> None:
    for platform in (*Platform, FCM, FCM):
        await device(store, instance_id, platform, NOW)
    counted, read = 0, 0
    after: str | None = ""
    while after is not None:
        async with store.reading() as connection:
            page = await device_counts.page(
                connection, instance_id, after=after, limit=2, seen_since=day_of(NOW)
            )
        counted, read, after = counted + page.subscribers.total(), read + 1, page.last
    assert (counted, read) == (5, 3)


async def test_what_another_server_has_counted_is_not_counted_again(
    store: Store, instance_id: InstanceId
) -> None:
    clock = Clock()
    await device(store, instance_id, FCM, NOW)
    took = timedelta(seconds=1)
    others = [
        DeviceCount(platform=one, subscribers=77, active=7, counted_at=NOW, took=took)
        for one in Platform
    ]
    await count(store, partial(device_counts.put, instance_id=instance_id, counts=others))
    mine = Upkeep(store, 400 * DAY, clock)
    # It took a second: for a hundred seconds, or more with more instances, there is no other.
    for passed in (timedelta(), timedelta(seconds=61), timedelta(seconds=99)):
        clock.at = NOW + passed
        await mine.count_devices()
        assert (await newest(store, instance_id))[FCM] == (77, 7)
    clock.at = NOW + 100 * DAY
    await mine.count_devices()
    assert (await newest(store, instance_id))[FCM] == (1, 0)


async def test_a_clock_that_was_set_back_stops_no_counting(
    store: Store, instance_id: InstanceId
) -> None:
    await device(store, instance_id, FCM, NOW)
    ahead = DeviceCount(
        platform=FCM,
        subscribers=77,
        active=7,
        counted_at=hour_of(NOW) + timedelta(minutes=59),
        took=timedelta(),
    )
    await count(store, partial(device_counts.put, instance_id=instance_id, counts=[ahead]))
    await Upkeep(store, 400 * DAY, lambda: NOW).count_devices()
    assert (await newest(store, instance_id))[FCM] == (1, 1)
