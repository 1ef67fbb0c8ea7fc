"""Taking in many devices at once: looked up together, decided one by one, written together.

A statement for each, if only for its user, was measured to be four times as slow.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.device import Device, Platform
from heliograph.model.errors import Invalid
from heliograph.model.ids import DeviceId, InstanceId, Interest, UserId
from heliograph.model.limits import MAX_DEVICES_PER_USER
from heliograph.model.transfer import DeviceLine, as_told, new_device
from heliograph.store import credentials, devices, interests, quarantine, users

_Key = tuple[Platform, str]
"""Platform and push token: what a device is known by."""


class Intake:
    """The devices of some lines, within one transaction. Made by `look_up`, ended by `write`.

    What `take` decides is kept until then, so that later lines are decided with it in mind.
    """

    def __init__(
        self,
        tx: AsyncConnection,
        instance_id: InstanceId,
        known: dict[_Key, Device],
        device_ids: set[DeviceId],
        slots: Counter[users.Slot],
        vapid_keys: Sequence[str],
    ) -> None:
        self._tx = tx
        self._instance_id = instance_id
        self._before = known
        self._after = dict(known)
        self._device_ids = device_ids
        self._slots_before = slots
        self._slots: Counter[users.Slot] = Counter()
        self._vapid_keys = vapid_keys
        self._interests: dict[_Key, Sequence[Interest]] = {}

    @classmethod
    async def look_up(
        cls, tx: AsyncConnection, instance_id: InstanceId, lines: Sequence[DeviceLine]
    ) -> "Intake":
        """See which of the devices are there. Raises NotFound for an unknown instance."""
        push_tokens = {line.push_token for line in lines}
        found = await devices.with_push_tokens(tx, instance_id, push_tokens)
        wanted = [line.id for line in lines if line.id is not None]
        user_ids = {line.user_id for line in lines if line.user_id is not None}
        return cls(
            tx,
            instance_id,
            {(device.platform, device.push_token): device for device in found},
            set(await devices.those_of(tx, instance_id, wanted)),
            await users.slots_taken(tx, instance_id, user_ids),
            await credentials.vapid_public_keys(tx, instance_id),
        )

    def take(self, line: DeviceLine, *, now: datetime) -> None:
        """Let the line's device be as the line has it. Raises Invalid, with nothing changed."""
        key = (line.platform, line.push_token)
        device = self._after.get(key) or self._new(line)
        told = as_told(device, line, now=now)
        if line.vapid_key is not None and line.vapid_key not in self._vapid_keys:
            remedy = "add it first with: heliograph gateway set web --private-key"
            raise Invalid("vapidPublicKey", f"the instance does not have this key; {remedy}")
        if told.user_id is not None and device.user_id is None:
            self._take_slot(told.user_id, told.platform)
        self._after[key] = told
        self._device_ids.add(told.id)
        if line.interests is not None:
            self._interests[key] = line.interests

    async def write(self) -> None:
        """Write what was taken, as far as it is new."""
        new = [device for key, device in self._after.items() if key not in self._before]
        # A device that a gateway called gone, and that is brought along again, is back.
        await quarantine.forget_all(self._tx, self._instance_id, [device.id for device in new])
        push_tokens = [device.push_token for device in new]
        await quarantine.forget_push_tokens(self._tx, self._instance_id, push_tokens)
        await users.take_slots(self._tx, self._instance_id, self._slots)
        await devices.add_all(self._tx, new)
        for key, before in self._before.items():
            if self._after[key] != before:
                await devices.change(self._tx, self._after[key])
        await self._write_interests()

    async def _write_interests(self) -> None:
        known = [self._before[key].id for key in self._interests if key in self._before]
        current = await interests.of_devices(self._tx, self._instance_id, known)
        added: list[tuple[Device, Sequence[Interest]]] = []
        for key, wanted in self._interests.items():
            device = self._after[key]
            if key not in self._before:
                added.append((device, wanted))
            elif set(wanted) != set(current[device.id]):
                await interests.replace(self._tx, device, wanted)
        await interests.add_all(self._tx, added)

    def _new(self, line: DeviceLine) -> Device:
        if line.id is not None and line.id in self._device_ids:
            raise Invalid("id", "a device with this id has another push token")
        return new_device(self._instance_id, line, self._vapid_keys[0])

    def _take_slot(self, user_id: UserId, platform: Platform) -> None:
        slot = (user_id, platform)
        if self._slots_before[slot] + self._slots[slot] >= MAX_DEVICES_PER_USER:
            most = f"the user has {MAX_DEVICES_PER_USER} devices of the platform, which is the most"
            raise Invalid("userId", most)
        self._slots[slot] += 1
