"""What is in a process's hands: a recall waits for answers, and calls off what gets none."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from heliograph.delivery.fence import Fence
from heliograph.delivery.in_flight import Group, InFlight
from heliograph.model.device import Device, Platform
from heliograph.model.ids import DeviceId, InstanceId, UserId
from heliograph.model.recall import Recalled

INSTANCE, OTHER = InstanceId("one"), InstanceId("another")
ALICE, BOB = UserId("alice"), UserId("bob")
HERS, ALSO_HERS, HIS = DeviceId("web-a1"), DeviceId("web-a2"), DeviceId("web-b1")
OWNERS = {HERS: ALICE, ALSO_HERS: ALICE, HIS: BOB}


@pytest.fixture
def fence() -> Fence:
    opened = Fence()
    opened.open_until(time.monotonic() + 60)
    return opened


@pytest.fixture
def in_flight(fence: Fence) -> InFlight:
    return InFlight(fence)


def device(device_id: DeviceId) -> Device:
    return Device(
        instance_id=INSTANCE,
        id=device_id,
        platform=Platform.WEB,
        push_token="",
        user_id=OWNERS[device_id],
        metadata={},
        registered_at=datetime(2026, 1, 1, tzinfo=UTC),
        lost_since=None,
        vapid_key=None,
    )


def all_found() -> dict[DeviceId, Device]:
    return {device_id: device(device_id) for device_id in OWNERS}


class Handing:
    """Messages on their way to all devices, each answered when the test says so."""

    def __init__(self, group: Group) -> None:
        self.answers = {device_id: asyncio.Event() for device_id in OWNERS}
        self.tasks = {
            device_id: asyncio.create_task(self._hand_over(device_id)) for device_id in OWNERS
        }
        group.take(all_found())
        for device_id, task in self.tasks.items():
            group.put(device_id, task)

    async def _hand_over(self, device_id: DeviceId) -> None:
        await self.answers[device_id].wait()

    def called_off(self) -> set[DeviceId]:
        return {device_id for device_id, task in self.tasks.items() if task.cancelled()}

    async def end(self) -> None:
        for answer in self.answers.values():
            answer.set()
        await asyncio.wait(self.tasks.values())


async def test_a_recall_ends_when_the_gateway_has_answered(in_flight: InFlight) -> None:
    async with in_flight.group(INSTANCE) as group:
        handing = Handing(group)
        recalling = asyncio.create_task(
            in_flight.recall(Recalled(instance_id=INSTANCE, device_id=HERS))
        )
        await asyncio.sleep(0)
        assert not recalling.done()
        handing.answers[HERS].set()
        await recalling
        assert handing.tasks[HERS].done()
        assert handing.called_off() == set()
        await handing.end()


async def test_what_gets_no_answer_is_called_off_and_nothing_else(in_flight: InFlight) -> None:
    async with in_flight.group(INSTANCE) as group:
        handing = Handing(group)
        await in_flight.recall(Recalled(instance_id=INSTANCE, user_id=ALICE))
        assert handing.called_off() == {HERS, ALSO_HERS}
        await in_flight.recall(Recalled(instance_id=INSTANCE, device_id=HIS))
        assert handing.called_off() == set(OWNERS)


async def test_another_instance_has_devices_and_users_of_its_own(in_flight: InFlight) -> None:
    async with in_flight.group(INSTANCE) as group:
        handing = Handing(group)
        await in_flight.recall(Recalled(instance_id=OTHER, device_id=HERS))
        await in_flight.recall(Recalled(instance_id=OTHER, user_id=ALICE))
        assert handing.called_off() == set()
        await handing.end()


@pytest.mark.parametrize(
    ("recalled", "left"),
    [
        (Recalled(instance_id=INSTANCE, device_id=HERS), {ALSO_HERS, HIS}),
        (Recalled(instance_id=INSTANCE, user_id=ALICE), {HIS}),
    ],
)
async def test_what_is_recalled_while_the_store_is_asked_is_not_taken(
    in_flight: InFlight, recalled: Recalled, left: set[DeviceId]
) -> None:
    async with in_flight.group(INSTANCE) as group:
        await in_flight.recall(recalled)
        found = all_found()
        group.take(found)
        assert set(found) == left
        # Who is found later is there again.
        group.take(again := all_found())
        assert set(again) == set(OWNERS)


async def test_nothing_is_taken_in_hand_before_the_fence_is_open() -> None:
    fence = Fence()
    entering = asyncio.create_task(InFlight(fence).group(INSTANCE).__aenter__())
    await asyncio.sleep(0)
    assert not entering.done()
    fence.open_until(time.monotonic() + 60)
    assert not (await entering).is_void


async def test_what_was_found_before_the_fence_closed_is_not_handed_over_when_it_is_open_again(
    in_flight: InFlight, fence: Fence
) -> None:
    async with in_flight.group(INSTANCE) as group:
        handing = Handing(group)
        fence.open_until(time.monotonic())
        assert group.is_void
        await in_flight.let_go()
        fence.open_until(time.monotonic() + 60)
        assert group.is_void
        assert handing.called_off() == set(OWNERS)
    async with in_flight.group(INSTANCE) as group:
        assert not group.is_void
