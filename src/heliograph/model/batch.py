"""A batch: up to a few hundred targets of one publish and platform, the unit of work and of retry.

Its message on the DELIVER stream never changes; how far it has come is its progress, in the store.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from heliograph.model.device import Platform
from heliograph.model.ids import DeviceId, InstanceId, PublishId, UserId
from heliograph.model.publish import AudienceKind

_CLOCKS_DIFFER = timedelta(minutes=1)
"""At most, from one machine that works on a batch to another."""


class Target(msgspec.Struct, frozen=True, array_like=True):
    """A device that a publish resolved to, and the user it must still belong to when it is sent."""

    device_id: DeviceId
    user_id: UserId | None
    """None in a publish to interests: the device alone decides."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """The targets of a batch and all that is needed to send to them."""

    version: int = 1
    publish_id: PublishId
    instance_id: InstanceId
    audience: AudienceKind
    platform: Platform
    shard: int
    number: int
    """Counts the batches of a shard from 1."""
    accepted_at: datetime
    payload: dict[str, Any]
    targets: list[Target]


class Attempt(msgspec.Struct, frozen=True, array_like=True):
    """A target that is tried again."""

    tries: int
    first_at: datetime
    due_at: datetime
    refused_by: str | None = None
    """The credential that it must not be tried with again; it waits for another one."""

    def due_in(self, now: datetime) -> timedelta:
        """How long until it is due: at once, if the clock was set back since the first try."""
        if self.first_at > now + _CLOCKS_DIFFER:
            return timedelta()
        return max(self.due_at - now, timedelta())


class Progress(msgspec.Struct, kw_only=True):
    """How far a batch has come: what is settled for good, and what waits for another try.

    Positions count the batch's targets from 0. counts: what became of them, by name, until the
    batch is settled and its publish has them.
    """

    settled: set[int] = msgspec.field(default_factory=set)
    waiting: dict[int, Attempt] = msgspec.field(default_factory=dict)
    counts: dict[str, int] = msgspec.field(default_factory=dict)

    def copy(self) -> "Progress":
        return Progress(
            settled=set(self.settled), waiting=dict(self.waiting), counts=dict(self.counts)
        )
