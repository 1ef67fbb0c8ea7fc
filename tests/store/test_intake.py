"""What becomes of an imported line whose device, user or id is there already."""

import io
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from heliograph import transfer
from heliograph.data import create_instance, new_secret_key
from heliograph.model.device import Platform
from heliograph.model.errors import NotFound
from heliograph.model.ids import DeviceId, Interest, UserId, new_instance_id
from heliograph.store import devices, instances, interests, quarantine, users
from heliograph.store.engine import Store, open_store
from heliograph.store.sealed import MasterKey, Seal
from tests.push_tokens import new_push_token

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INSTANCE = new_instance_id()
Line = dict[str, Any]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store with one instance."""
    async with open_store(tmp_path / "heliograph.db", Seal(MasterKey(bytes(32)))) as opened:
        await create_instance(opened, "moved", INSTANCE, new_secret_key())
        yield opened


def fcm_line(**more: object) -> Line:
    return {"platform": "fcm", "token": new_push_token("fcm"), **more}


async def bring_in(store: Store, *lines: Mapping[str, object]) -> dict[str, tuple[int, int]]:
    """Import the lines; by reason, how many were refused, and the first of them."""
    content = "\n".join(json.dumps(line) for line in lines).encode()
    file = transfer.DeviceFile(io.BytesIO(content), None)
    progress = await transfer.bring_in(
        store, INSTANCE, file, None, now=lambda: NOW, advanced=lambda _bytes: None
    )
    refused = progress.refused.items()
    return {reason: (said.number, said.first_line) for reason, said in refused}


async def all_of(store: Store) -> list[Line]:
    """What an export writes."""
    file = io.BytesIO()
    await transfer.write_out(store, INSTANCE, file, advanced=lambda _devices: None)
    return [json.loads(line) for line in file.getvalue().splitlines()]


async def register(store: Store, token: str, user: str | None = None, *subscribed: str) -> DeviceId:
    """A device that is there before the import."""
    async with store.writing() as tx:
        registered = await devices.register(tx, INSTANCE, Platform.FCM, token, None, now=NOW)
        device_id = registered.id
        if user is not None:
            await users.tie(tx, INSTANCE, Platform.FCM, device_id, UserId(user), now=NOW)
        device = await devices.find(tx, INSTANCE, Platform.FCM, device_id)
        await interests.replace(tx, device, [Interest(name) for name in subscribed])
    return device_id


async def test_of_a_known_push_token_the_device_stays_and_the_line_wins(store: Store) -> None:
    token = new_push_token("fcm")
    device_id = await register(store, token, None, "old", "both")
    line = {
        "platform": "fcm",
        "token": token,
        "id": f"fcm-{uuid4()}",
        "userId": "alice",
        "interests": ["new", "both"],
        "metadata": {"sdkVersion": "2"},
        "registeredAt": "2024-05-01T12:00:00Z",
    }
    assert await bring_in(store, line) == {}
    told = {
        **line,
        "id": device_id,
        "interests": ["both", "new"],
        "registeredAt": "2026-01-01T00:00:00Z",
    }
    assert await all_of(store) == [told]
    assert await bring_in(store, {"platform": "fcm", "token": token}) == {}
    assert await all_of(store) == [told]


async def test_the_same_lines_again_change_nothing(store: Store) -> None:
    lines = [fcm_line(userId="alice", interests=["news"], metadata={"a": 1}) for _ in range(100)]
    assert await bring_in(store, *lines) == {}
    before = await all_of(store)
    assert await bring_in(store, *lines) == {}
    assert await all_of(store) == before


async def test_a_device_of_another_user_is_refused_and_stays_as_it_is(store: Store) -> None:
    token = new_push_token("fcm")
    await register(store, token, "alice")
    before = await all_of(store)
    line = {"platform": "fcm", "token": token, "userId": "bob", "interests": ["news"]}
    refused = {"userId: the device with this push token is tied to another user": (1, 1)}
    assert await bring_in(store, line) == refused
    assert await all_of(store) == before


async def test_an_id_that_another_push_token_has_is_refused(store: Store) -> None:
    there = await register(store, new_push_token("fcm"))
    twice = f"fcm-{uuid4()}"
    refused = await bring_in(store, fcm_line(id=there), fcm_line(id=twice), fcm_line(id=twice))
    assert refused == {"id: a device with this id has another push token": (2, 1)}
    assert {line["id"] for line in await all_of(store)} == {there, twice}


async def test_of_two_lines_with_one_push_token_there_is_one_device_as_the_later_has_it(
    store: Store,
) -> None:
    first = fcm_line(userId="alice", interests=["first"])
    second = {**first, "interests": ["second"]}
    third = {"platform": "fcm", "token": first["token"], "metadata": {"a": 1}}
    fourth = {**first, "userId": "bob", "interests": []}
    assert len(await bring_in(store, first, second, third, fourth)) == 1
    [line] = await all_of(store)
    assert (line["userId"], line["interests"]) == ("alice", ["second"])
    assert line["metadata"] == {"a": 1}


async def test_the_101st_device_of_a_user_is_refused_and_leaves_nothing(store: Store) -> None:
    await register(store, new_push_token("fcm"), "alice")
    lines = [fcm_line(userId="alice", interests=["news"]) for _ in range(100)]
    on_another_platform = {"platform": "apns", "token": new_push_token("apns"), "userId": "alice"}
    [(reason, lines_refused)] = (
        await bring_in(store, *lines, on_another_platform, fcm_line(userId="bob"))
    ).items()
    assert reason.startswith("userId: the user has 100 devices of the platform")
    assert lines_refused == (1, 100)
    found = await all_of(store)
    assert len(found) == 102
    assert lines[99]["token"] not in {line["token"] for line in found}
    async with store.writing() as tx:
        assert await devices.remove_of_user(tx, INSTANCE, UserId("alice"), now=NOW) == 101
    # Nothing that was refused has kept a place.
    assert await bring_in(store, *lines) == {}


async def test_the_time_of_a_registration_is_kept_and_one_to_come_is_now(store: Store) -> None:
    past, to_come = "2024-05-01T14:00:00+02:00", "2999-01-01T00:00:00Z"
    first, second = fcm_line(registeredAt=past), fcm_line(registeredAt=to_come)
    assert await bring_in(store, first, second) == {}
    told = {line["token"]: line["registeredAt"] for line in await all_of(store)}
    assert told == {
        first["token"]: "2024-05-01T12:00:00Z",
        second["token"]: "2026-01-01T00:00:00Z",
    }


async def test_a_device_that_was_called_gone_and_is_brought_along_again_can_be_gone_again(
    store: Store,
) -> None:
    await register(store, new_push_token("fcm"), "alice", "news")
    lines = await all_of(store)
    for _ in range(3):
        async with store.writing() as tx:
            [device] = await devices.of_user(tx, INSTANCE, UserId("alice"))
            assert await devices.remove_gone(tx, device, "gone", now=NOW)
        assert await all_of(store) == []
        assert await bring_in(store, *lines) == {}
        assert await all_of(store) == lines
        async with store.reading() as connection:
            assert await quarantine.page(connection, INSTANCE, after="", limit=9, now=NOW) == []


async def test_an_instance_that_is_deleted_meanwhile_gets_no_devices(store: Store) -> None:
    async with store.writing() as tx:
        await instances.remove(tx, INSTANCE)
    with pytest.raises(NotFound, match="instance"):
        await bring_in(store, fcm_line())
