"""What of all that happens in an instance a reader wants to hear."""

from collections import deque
from collections.abc import Collection, Iterable

import msgspec

from heliograph.model.ids import DeviceId, PublishId, UserId
from heliograph.model.live import (
    DeviceStopped,
    LiveEvent,
    PublishAccepted,
    UserDeleted,
    UserSet,
    kind_of,
)
from heliograph.model.publish import AudienceKind

_MAX_PUBLISHES = 1000
"""Of a user so many are remembered, the newest."""


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Each that is there must fit. kinds: none are all."""

    kinds: Collection[str] = ()
    user_id: UserId | None = None
    device_id: DeviceId | None = None
    publish_id: PublishId | None = None


class Wanted:
    """Tells what fits the filters. It remembers which devices and publishes are the user's.

    So an acknowledgement of the user's device is found, though it doesn't name the user, and what
    becomes of a publish to the user as a whole.
    """

    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self._devices: set[DeviceId] = set()
        self._publishes: deque[PublishId] = deque(maxlen=_MAX_PUBLISHES)

    def remember(self, devices: Iterable[DeviceId]) -> None:
        """The user has these devices already."""
        self._devices.update(devices)

    def __call__(self, event: LiveEvent) -> bool:
        filters = self._filters
        is_about_user = filters.user_id is None or self._is_about(filters.user_id, event)
        return (
            is_about_user
            and filters.device_id in {None, event.device_id}
            and filters.publish_id in {None, event.publish_id}
            and (not filters.kinds or kind_of(event) in filters.kinds)
        )

    def _is_about(self, user_id: UserId, event: LiveEvent) -> bool:
        if event.device_id is None and event.publish_id in self._publishes:
            return True
        is_named = event.user_id == user_id
        match event:
            case UserSet(device_id=str(device_id)) if is_named:
                self._devices.add(device_id)
            case UserDeleted() if is_named:
                self._devices.clear()
            case PublishAccepted(audience=AudienceKind.USERS, publish_id=str(publish_id)):
                if user_id in event.names:
                    self._publishes.append(publish_id)
                    return True
            case DeviceStopped(device_id=str(device_id)) if device_id in self._devices:
                self._devices.discard(device_id)
                return True
        return is_named or event.device_id in self._devices
