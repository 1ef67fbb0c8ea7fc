"""What this process has in its hands: devices that were found in the store, messages on their way.

A message can be called back until its gateway has answered. One whose gateway doesn't answer soon
is called off: what waits for a connection, a host name or an access token is not sent, and what was
sent is awaited no longer. It has no answer, so its target is asked about anew.
"""

import asyncio
from asyncio import Task
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from heliograph.delivery.fence import Fence
from heliograph.model.device import Device
from heliograph.model.ids import DeviceId, InstanceId
from heliograph.model.recall import Recalled

_PATIENCE_S = 2.0
"""How long an answer is waited for before a message is called off: nearly all come sooner."""


class Group:
    """The messages of one batch. Made by `InFlight.group`."""

    def __init__(self, fence: Fence) -> None:
        self._fence = fence
        self._is_void = False
        self._devices: dict[DeviceId, Device] = {}
        self._tasks: dict[DeviceId, Task[None]] = {}
        self._recalled: list[Recalled] = []

    @property
    def is_void(self) -> bool:
        """Whether nothing may be handed over any more of what was found in the store till now."""
        return self._is_void or not self._fence.is_open()

    def take(self, found: dict[DeviceId, Device]) -> None:
        """Take in hand what was found in the store, but leave out what was recalled meanwhile.

        What was recalled before has been gone already when the store was asked.
        """
        for recalled in self._recalled:
            for device in [one for one in found.values() if recalled.names(one)]:
                del found[device.id]
        self._recalled.clear()
        self._devices.update(found)

    def put(self, device_id: DeviceId, task: Task[None]) -> None:
        """Put in the task that hands the message over to this device."""
        self._tasks[device_id] = task

    def recall(self, recalled: Recalled) -> list[Task[None]]:
        """Take no more of these; the tasks that are under way to them."""
        self._recalled.append(recalled)
        named = [recalled.device_id]
        if recalled.user_id is not None:
            named = [one.id for one in self._devices.values() if recalled.names(one)]
        tasks = [self._tasks[one] for one in named if one in self._tasks]
        return [task for task in tasks if not task.done()]

    def give_up(self) -> list[Task[None]]:
        """Take nothing more; all tasks that are under way."""
        self._is_void = True
        return [task for task in self._tasks.values() if not task.done()]


class InFlight:
    """All that this process has in its hands."""

    def __init__(self, fence: Fence) -> None:
        self._fence = fence
        self._groups: dict[InstanceId, set[Group]] = {}

    @asynccontextmanager
    async def group(self, instance_id: InstanceId) -> AsyncIterator[Group]:
        """A new group, to be left when its tasks have ended. Waits until the fence is open."""
        await self._fence.opened()
        group = Group(self._fence)
        self._groups.setdefault(instance_id, set()).add(group)
        try:
            yield group
        finally:
            self._groups[instance_id].discard(group)

    async def recall(self, recalled: Recalled) -> None:
        """Let go of these: when this returns, nothing more is handed over."""
        groups = self._groups.get(recalled.instance_id, set())
        under_way = [task for group in groups for task in group.recall(recalled)]
        if not under_way:
            return
        _, unanswered = await asyncio.wait(under_way, timeout=_PATIENCE_S)
        await _call_off(unanswered)

    async def let_go(self) -> None:
        """Let go of everything: what was found in the store may be no longer so."""
        groups = [group for groups in self._groups.values() for group in groups]
        under_way = {task for group in groups for task in group.give_up()}
        # One that has not begun would end without a word, and its room not be given back.
        await asyncio.sleep(0)
        await _call_off(under_way)


async def _call_off(tasks: set[Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
