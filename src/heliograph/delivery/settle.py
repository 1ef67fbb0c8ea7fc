"""Settling: what gateways said becomes counts, removed devices and tries to come.

All that follows from a set of verdicts is one transaction, with the batch's progress in it: after a
crash each verdict has either had all its effects, or none, and is then asked for again.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from heliograph.delivery.retry import GiveUp, next_try
from heliograph.model.batch import Batch, Progress
from heliograph.model.device import Device
from heliograph.model.verdict import (
    CredentialRefused,
    Delivered,
    DeviceGone,
    Drop,
    Retry,
    Verdict,
)
from heliograph.store import batches, devices, publishes
from heliograph.store.engine import Store


@dataclass(frozen=True, slots=True)
class Untied:
    """Nothing was sent: the device is gone, or no longer the user's."""


@dataclass(frozen=True, slots=True)
class Expired:
    """Nothing was sent: the message's time to live is over."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one target in one try."""

    position: int
    device: Device | None
    said: Verdict | Untied | Expired


class BatchTakenOver(Exception):
    """Another worker has stored progress of this batch: this one must let go."""


class OpenBatch:
    """A batch in hand, with its progress as it is in the store."""

    def __init__(self, batch: Batch, progress: Progress, version: int) -> None:
        self.batch = batch
        self.progress = progress
        self._version = version

    @property
    def is_settled(self) -> bool:
        return len(self.progress.settled) == len(self.batch.targets)

    def due(self, now: datetime) -> list[int]:
        """The positions to try now."""
        waiting = self.progress.waiting
        return [
            position
            for position in range(len(self.batch.targets))
            if position not in self.progress.settled
            and (position not in waiting or waiting[position].due_at <= now)
        ]

    def next_due_in(self, now: datetime) -> timedelta:
        """How long until the first of those that wait is due."""
        due_at = [attempt.due_at for attempt in self.progress.waiting.values()]
        return max(min(due_at, default=now) - now, timedelta())

    async def settle(
        self,
        store: Store,
        settlements: Sequence[Settlement],
        *,
        now: datetime,
        expires_at: datetime,
        rng: random.Random,
    ) -> None:
        """Make the settlements durable. Raises BatchTakenOver, Unavailable: then none is."""
        batch, counts = self.batch, Counter[str]()
        for settlement in settlements:
            counts[self._note(settlement, now=now, expires_at=expires_at, rng=rng)] += 1
        async with store.writing() as tx:
            stored = await batches.advance(
                tx, batch, self.progress, version=self._version, settled=self.is_settled
            )
            if not stored:
                raise BatchTakenOver
            for settlement in settlements:
                if isinstance(settlement.said, DeviceGone) and settlement.device is not None:
                    await devices.remove_gone(tx, settlement.device)
            if self.is_settled:
                counts["targets"] += len(batch.targets)
            key = (batch.instance_id, batch.publish_id)
            await publishes.count(tx, *key, batch.platform, counts)
            if self.is_settled:
                await publishes.batch_settled(tx, *key, now=now)
        self._version += 1

    def _note(
        self,
        settlement: Settlement,
        *,
        now: datetime,
        expires_at: datetime,
        rng: random.Random,
    ) -> str:
        """Note one settlement in the progress; the name under which it counts."""
        position, said = settlement.position, settlement.said
        last = self.progress.waiting.pop(position, None)
        if isinstance(said, Retry | CredentialRefused):
            asked = said.after if isinstance(said, Retry) else None
            attempt = next_try(last, now=now, expires_at=expires_at, asked=asked, rng=rng)
            if not isinstance(attempt, GiveUp):
                self.progress.waiting[position] = attempt
                return "retried"
        self.progress.settled.add(position)
        return _COUNTED_AS[type(said)]


_COUNTED_AS = {
    Delivered: "delivered",
    DeviceGone: "removed",
    Drop: "failed",
    Retry: "failed",
    CredentialRefused: "failed",
    Expired: "failed",
    Untied: "untied",
}
