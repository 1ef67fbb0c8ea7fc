"""Live events: what has just happened, for those who watch an instance. They are kept nowhere.

None holds a push token, a payload or a key. Ids are there as far as whoever tells knows them.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from heliograph.model.device import Platform
from heliograph.model.ids import DeviceId, InstanceId, Interest, PublishId, UserId
from heliograph.model.publish import AudienceKind

_SHOWN = 5
"""Of many names so many are shown."""


def _kind_of(name: str) -> str:
    """DeviceRegistered is device-registered."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


class _Happened(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    tag_field="kind",
    tag=_kind_of,
):
    """What all have: whom and what it is about."""

    publish_id: PublishId | None = None
    device_id: DeviceId | None = None
    user_id: UserId | None = None


class DeviceRegistered(_Happened, frozen=True):
    """A device registered. is_new: it was not known before."""

    platform: Platform
    is_new: bool

    @property
    def words(self) -> str:
        return f"{'new' if self.is_new else 'known already'}, on {self.platform}"


class PushTokenSet(_Happened, frozen=True):
    """A device has another push token. instead_of: devices that had it, and were removed."""

    instead_of: Sequence[DeviceId]

    @property
    def words(self) -> str:
        return f"instead of {_few(self.instead_of)}" if self.instead_of else "another push token"


class UserSet(_Happened, frozen=True):
    """A device was tied to a user."""

    @property
    def words(self) -> str:
        return "the device is this user's"


class DeviceStopped(_Happened, frozen=True):
    """A device was untied and forgotten."""

    @property
    def words(self) -> str:
        return "untied and forgotten"


class UserDeleted(_Happened, frozen=True):
    """A user was deleted, with so many devices."""

    devices: int

    @property
    def words(self) -> str:
        return f"forgotten, with {_number(self.devices, 'device')}"


class InterestAdded(_Happened, frozen=True):
    """A device was subscribed to an interest."""

    interest: Interest

    @property
    def words(self) -> str:
        return self.interest


class InterestRemoved(_Happened, frozen=True):
    """A device was unsubscribed from an interest."""

    interest: Interest

    @property
    def words(self) -> str:
        return self.interest


class InterestsSet(_Happened, frozen=True):
    """A device has these interests now, and no others; of many, a reader gets a few."""

    number: int
    names: Sequence[Interest]

    @property
    def words(self) -> str:
        return _few(self.names, self.number) if self.number else "none"


class PublishAccepted(_Happened, frozen=True):
    """A publish is on its way. names: users or interests; of many, a reader gets a few."""

    audience: AudienceKind
    number: int
    names: Sequence[str]

    @property
    def words(self) -> str:
        return f"to {self.audience}: {_few(self.names, self.number)}"


class PublishFannedOut(_Happened, frozen=True):
    """A shard of a publish is resolved to its targets: the only one on its platform, mostly."""

    platform: Platform
    shard: int
    targets: int
    batches: int

    @property
    def words(self) -> str:
        part = f", in part {self.shard}" if self.shard else ""
        return f"to {_number(self.targets, 'device')} on {self.platform}{part}"


class Answered(_Happened, frozen=True):
    """What became of one target in one try. outcome, reason: as they are counted."""

    platform: Platform
    outcome: str
    reason: str
    again_at: datetime | None = None

    @property
    def words(self) -> str:
        reason = f": {self.reason}" if self.reason else ""
        again = f", again at {self.again_at:%H:%M:%S}" if self.again_at else ""
        return f"{self.outcome} on {self.platform}{reason}{again}"


class BatchHeld(_Happened, frozen=True):
    """A batch waits: nothing may be sent to its platform now."""

    platform: Platform
    reason: str

    @property
    def words(self) -> str:
        return f"nothing is sent to {self.platform}: {self.reason}"


class BatchSent(_Happened, frozen=True):
    """A batch goes to its gateway. due: how many of its targets it is to be sent to now."""

    platform: Platform
    shard: int
    number: int
    targets: int
    due: int

    @property
    def words(self) -> str:
        of_all = "" if self.due == self.targets else f" of {self.targets}"
        part = f" of part {self.shard}" if self.shard else ""
        devices = "device" if self.targets == 1 else "devices"
        return f"batch {self.number}{part}, {self.due}{of_all} {devices} on {self.platform}"


class PublishFinished(_Happened, frozen=True):
    """Nothing is left to do for a publish."""

    @property
    def words(self) -> str:
        return "nothing is left to do"


class Acknowledged(_Happened, frozen=True):
    """A device reported that the notification arrived."""

    @property
    def words(self) -> str:
        return "arrived, says the device"


class Opened(_Happened, frozen=True):
    """A device reported that the notification was tapped."""

    @property
    def words(self) -> str:
        return "tapped, says the device"


class WebhookCalled(_Happened, frozen=True):
    """The app's server was told of something. status: what it answered; None if it did not."""

    event: str
    attempt: int
    status: int | None
    reason: str

    @property
    def words(self) -> str:
        answer = "no answer" if self.status is None else f"answered {self.status}"
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.event}, try {self.attempt}: {answer}{reason}"


LiveEvent = (
    DeviceRegistered
    | PushTokenSet
    | UserSet
    | DeviceStopped
    | UserDeleted
    | InterestAdded
    | InterestRemoved
    | InterestsSet
    | PublishAccepted
    | PublishFannedOut
    | Answered
    | BatchHeld
    | BatchSent
    | PublishFinished
    | Acknowledged
    | Opened
    | WebhookCalled
)
KINDS = tuple(_kind_of(one.__name__) for one in LiveEvent.__args__)

Tell = Callable[[InstanceId, Callable[[], Sequence[LiveEvent]]], None]
"""Tells those who watch an instance, if any, what has just happened there: never before it is true.

What is told is only made if somebody watches. It never raises, and waits for nothing.
"""


def tell_nobody(_instance_id: InstanceId, _happened: Callable[[], Sequence[LiveEvent]], /) -> None:
    """Of a process that has no broker to tell by."""


def kind_of(event: LiveEvent) -> str:
    return str(event.__struct_config__.tag)


def shown(at: datetime, event: LiveEvent) -> bytes:
    """An event as a reader gets it: JSON, with its words."""
    if isinstance(event, PublishAccepted | InterestsSet):
        event = msgspec.structs.replace(event, names=event.names[:_SHOWN])
    return msgspec.json.encode({"at": at, **msgspec.to_builtins(event), "words": event.words})


def _few(names: Sequence[str], number: int | None = None) -> str:
    left = (len(names) if number is None else number) - len(names[:_SHOWN])
    return ", ".join(names[:_SHOWN]) + (f" and {left} more" if left else "")


def _number(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
