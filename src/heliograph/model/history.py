"""What happened to a user's device, as it is kept to be told later."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class What(StrEnum):
    """What can happen to a device that is a user's."""

    TIED = "tied"
    STOPPED = "stopped"
    """By the app, or by a command."""
    REPLACED = "replaced"
    """Another device of the app has its push token now."""
    REMOVED = "removed"
    """Its gateway no longer knew it; the reason is the gateway's."""
    RETURNED = "returned"
    """It registered again, and is what it was."""
    RESTORED = "restored"
    """By a command."""
    USER_DELETED = "user deleted"
    """Said of the user alone: of the devices nothing is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """device_id: empty for what happened to the user."""

    device_id: str
    platform: str
    what: What
    reason: str
    at: datetime
