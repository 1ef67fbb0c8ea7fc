"""What a device reports back of a notification: it arrived, or it was tapped."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from heliograph.model.ids import DeviceId, PublishId, UserId


class EventKind(StrEnum):
    """As the SDKs write it, in any case."""

    DELIVERY = "delivery"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One report of one device."""

    kind: EventKind
    publish_id: PublishId
    device_id: DeviceId
    reported_at: datetime
    user_id: UserId | None = None
    """Whose it says that it is, which proves nothing."""
    has_displayable_content: bool = False
    """Whether the notification had something to show, as far as the device says."""
    app_in_background: bool = False
    """Whether the app was not in use when it arrived, as far as the device says."""
