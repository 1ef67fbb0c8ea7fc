"""Recalls: for whom gateways must get no more, as one process asks another for it."""

import msgspec

from heliograph.model.device import Device
from heliograph.model.ids import DeviceId, InstanceId, UserId


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """A device that was removed, or a user with all devices that there were."""

    version: int = 1
    instance_id: InstanceId
    device_id: DeviceId | None = None
    user_id: UserId | None = None

    def names(self, device: Device) -> bool:
        """Whether it means the device, as it was when it was still there."""
        if device.id == self.device_id:
            return True
        return self.user_id is not None and device.user_id == self.user_id
