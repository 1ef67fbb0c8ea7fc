"""For how long, and as what, a device comes back when its push token is registered again."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from heliograph.data import create_instance, new_secret_key
from heliograph.model.device import Device, Platform
from heliograph.model.ids import new_instance_id
from heliograph.store import devices
from heliograph.store.engine import Store, open_store
from heliograph.store.sealed import MasterKey, Seal

REMOVED_AT = datetime(2026, 1, 1, tzinfo=UTC)
INSTANCE = new_instance_id()
TOKEN = "a push token"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store with one instance."""
    async with open_store(tmp_path / "heliograph.db", Seal(MasterKey(bytes(32)))) as opened:
        await create_instance(opened, "app", INSTANCE, new_secret_key())
        yield opened


@pytest.fixture
async def gone(store: Store) -> Device:
    """A device that its gateway had called gone."""
    device = await registered(store, {"sdkVersion": "1"}, REMOVED_AT)
    async with store.writing() as tx:
        assert await devices.remove_gone(tx, device, "gone", now=REMOVED_AT)
    return device


async def registered(store: Store, metadata: Mapping[str, Any] | None, now: datetime) -> Device:
    async with store.writing() as tx:
        made = await devices.register(tx, INSTANCE, Platform.FCM, TOKEN, metadata, now=now)
        return await devices.find(tx, INSTANCE, Platform.FCM, made.id)


@pytest.mark.parametrize(("days", "is_back"), [(0, True), (29, True), (31, False)])
async def test_a_device_comes_back_within_thirty_days(
    store: Store, gone: Device, *, days: int, is_back: bool
) -> None:
    now = REMOVED_AT + timedelta(days=days)
    assert ((await registered(store, None, now)).id == gone.id) is is_back


async def test_what_the_registration_says_of_the_device_is_noted(
    store: Store, gone: Device
) -> None:
    now = REMOVED_AT + timedelta(days=1)
    back = await registered(store, {"sdkVersion": "2"}, now)
    assert (back.id, back.metadata, back.registered_at) == (gone.id, {"sdkVersion": "2"}, now)


async def test_what_it_does_not_say_is_as_before(store: Store, gone: Device) -> None:
    back = await registered(store, None, REMOVED_AT)
    assert back.metadata == gone.metadata == {"sdkVersion": "1"}
