"""What happens to a user's devices is kept where it happens, and of a deleted user only that."""

from datetime import timedelta

from sqlalchemy import select

from heliograph.model.history import What
from heliograph.model.ids import InstanceId, UserId
from heliograph.store import devices, history, quarantine, users
from heliograph.store.engine import Store
from heliograph.store.schema import device_history
from tests.store.racing import FCM, NOW, new_device

ALICE = UserId("alice")
SECOND = timedelta(seconds=1)


async def kept(store: Store, instance_id: InstanceId) -> list[tuple[What, str]]:
    """What happened, oldest first, and the reason."""
    async with store.reading() as connection:
        found = await history.of_user(connection, instance_id, ALICE, limit=100)
    return [(one.what, one.reason) for one in reversed(found)]


async def tied(store: Store, instance_id: InstanceId) -> str:
    device = await new_device(store, instance_id)
    async with store.writing() as tx:
        await users.tie(tx, instance_id, FCM, device.id, ALICE, now=NOW)
    return device.id


async def test_a_device_is_tied_once_and_stopped(store: Store, instance_id: InstanceId) -> None:
    device_id = await tied(store, instance_id)
    async with store.writing() as tx:
        await users.tie(tx, instance_id, FCM, device_id, ALICE, now=NOW + SECOND)
        await devices.remove(tx, instance_id, FCM, device_id, now=NOW + SECOND)
        await devices.remove(tx, instance_id, FCM, device_id, now=NOW + SECOND)
    assert await kept(store, instance_id) == [(What.TIED, ""), (What.STOPPED, "")]


async def test_a_device_that_is_gone_comes_back_either_way(
    store: Store, instance_id: InstanceId
) -> None:
    device_id = await tied(store, instance_id)
    for number in (0, 2):
        at = NOW + number * SECOND
        async with store.writing() as tx:
            device = await devices.find(tx, instance_id, FCM, device_id)
            assert await devices.remove_gone(tx, device, "UNREGISTERED", now=at + SECOND)
        async with store.writing() as tx:
            back = {"now": at + 2 * SECOND}
            if number:
                await quarantine.restore(tx, instance_id, device_id, **back)
            else:
                await devices.register(tx, instance_id, FCM, device.push_token, None, **back)
    assert [what for what, _ in await kept(store, instance_id)] == [
        What.TIED,
        What.REMOVED,
        What.RETURNED,
        What.REMOVED,
        What.RESTORED,
    ]
    assert (What.REMOVED, "UNREGISTERED") in await kept(store, instance_id)


async def test_a_device_whose_push_token_another_one_gets_is_replaced(
    store: Store, instance_id: InstanceId
) -> None:
    device_id, other = await tied(store, instance_id), await new_device(store, instance_id)
    async with store.writing() as tx:
        token = (await devices.find(tx, instance_id, FCM, device_id)).push_token
        await devices.set_push_token(tx, instance_id, FCM, other.id, token, now=NOW + SECOND)
    assert await kept(store, instance_id) == [(What.TIED, ""), (What.REPLACED, "")]


async def test_the_same_in_the_same_millisecond_is_kept_once(
    store: Store, instance_id: InstanceId
) -> None:
    ties = [("fcm-1", FCM, ALICE), ("fcm-1", FCM, ALICE), ("fcm-2", FCM, None)]
    for _ in range(2):
        async with store.writing() as tx:
            await history.note(tx, instance_id, ties, What.TIED, now=NOW)
    assert await kept(store, instance_id) == [(What.TIED, "")]


async def test_of_a_deleted_user_it_is_kept_that_it_was_deleted_and_nothing_else(
    store: Store, instance_id: InstanceId
) -> None:
    async with store.writing() as tx:
        await devices.remove_of_user(tx, instance_id, ALICE, now=NOW)
    assert await kept(store, instance_id) == []
    for _ in range(2):
        await tied(store, instance_id)
    async with store.writing() as tx:
        await devices.remove_of_user(tx, instance_id, ALICE, now=NOW + SECOND)
    assert await kept(store, instance_id) == [(What.USER_DELETED, "")]
    async with store.reading() as connection:
        mine = device_history.c.instance_id == instance_id
        [row] = (await connection.execute(select(device_history).where(mine))).all()
    assert (row.device_id, row.platform) == ("", "")
