"""Settling: what gateways said becomes counts, removed devices and tries to come.

All that follows from a set of verdicts is one transaction, with the batch's progress in it: after a
crash each verdict has either had all its effects, or none, and is then asked for again.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.delivery import told
from heliograph.delivery.enrich import is_tracked
from heliograph.delivery.retry import (
    GiveUp,
    gives_up_at,
    next_try,
    postponed,
    waiting_for_another,
)
from heliograph.delivery.settlement import (
    Cancelled,
    Expired,
    Settlement,
    Untied,
    answers_in,
    believed_of,
    lost_for_good,
    reason_of,
    refusal_in,
)
from heliograph.model.answers import Answers
from heliograph.model.batch import Attempt, Batch, Progress
from heliograph.model.publish import AudienceKind
from heliograph.model.verdict import (
    CredentialRefused,
    Delivered,
    DeviceGone,
    Drop,
    HostLost,
    Postponed,
    Retry,
)
from heliograph.store import (
    answers,
    batches,
    devices,
    insights,
    instances,
    pauses,
    publishes,
    verdicts,
)
from heliograph.store.engine import Store
from heliograph.store.verdicts import Noted
from heliograph.telemetry.watch import UNWATCHED, Watch

_LOOK_FOR_ANOTHER = timedelta(seconds=10)
"""How often to look whether there is another credential for targets that wait for one."""


_Settled = tuple[Sequence[Settlement], Sequence[str | None], bool]
"""What is believed, what each is counted as, and whether the publish is finished."""


class BatchTakenOver(Exception):
    """Another worker has stored progress of this batch, or it is gone: this one must let go."""


class Pausing:
    """Whether the lane may be paused, as far as this process knows: it spares asking each time."""

    def __init__(self) -> None:
        self.may_be = True


class OpenBatch:
    """A batch in hand, with its progress as it is in the store.

    credential_id: what it is sent with now; None if it isn't.
    """

    def __init__(
        self,
        batch: Batch,
        progress: Progress,
        version: int,
        pausing: Pausing,
        watch: Watch = UNWATCHED,
    ) -> None:
        self.batch = batch
        self.progress = progress
        self.credential_id: str | None = None
        self._is_tracked = is_tracked(batch.platform, batch.payload)
        self._version = version
        self._pausing = pausing
        self._watch = watch
        self._answers = Answers()
        """What the brake has not been told yet. It goes by many: a few that a crash keeps from it
        make no difference."""

    @property
    def is_settled(self) -> bool:
        return len(self.progress.settled) == len(self.batch.targets)

    def unsettled(self) -> list[int]:
        """The positions that are not settled for good."""
        positions = range(len(self.batch.targets))
        return [position for position in positions if position not in self.progress.settled]

    def due(self, now: datetime) -> list[int]:
        """The positions to try now. Those that this credential must not be tried for wait on."""
        return [position for position in self.unsettled() if self._is_due(position, now)]

    def overdue(self, now: datetime, expires_at: datetime) -> list[int]:
        """The positions that have waited for another credential for too long."""
        waiting = self.progress.waiting.items()
        return [
            position
            for position, attempt in waiting
            if attempt.refused_by is not None and gives_up_at(attempt, expires_at) <= now
        ]

    def next_due_in(self, now: datetime) -> timedelta:
        """How long until one of those that wait is due, or another credential may be there."""
        if any(position not in self.progress.waiting for position in self.unsettled()):
            return timedelta()
        due_in = [
            _LOOK_FOR_ANOTHER if attempt.refused_by is not None else attempt.due_in(now)
            for attempt in self.progress.waiting.values()
        ]
        return max(min(due_in, default=timedelta()), timedelta())

    async def settle(
        self,
        store: Store,
        settlements: Sequence[Settlement],
        *,
        now: datetime,
        expires_at: datetime,
        rng: random.Random,
    ) -> Sequence[Settlement]:
        """Make the settlements durable, and tell what was believed of them.

        Raises BatchTakenOver, Unavailable: then none is.
        """
        settlements = [lost_for_good(settlement, now) for settlement in settlements]
        known, answered = self.progress, self._answers

        async def work(tx: AsyncConnection) -> _Settled:
            self.progress, self._answers = known.copy(), answered
            if self._version == 0:
                # Not when they were noted: the batch is what got on the stream.
                self.progress.counts["targets"] = len(self.batch.targets)
            await self._hold_changed(tx, settlements)
            believed = await self._believed(tx, settlements, now=now)
            outcomes = [
                self._note(settlement, now=now, expires_at=expires_at, rng=rng)
                for settlement in believed
            ]
            self._count_trackable(believed)
            await self._keep(tx, believed, outcomes, now=now)
            finished = await self._advance(tx, now=now)
            await self._remove_gone(tx, believed, now=now)
            await self._note_lost_hosts(tx, believed, now=now)
            await self._pause_or_go_on(tx, believed, now=now)
            return believed, outcomes, finished

        believed, outcomes, finished = await store.write_surely(work)
        self._version += 1
        self._watch.meter.settled(self.batch.platform, self.batch.audience, outcomes)
        self._watch.tracer.settled(outcomes)
        self._watch.tell(
            self.batch.instance_id,
            lambda: told.settled(self.batch, self.progress, believed, outcomes, finished=finished),
        )
        return believed

    def _is_due(self, position: int, now: datetime) -> bool:
        attempt = self.progress.waiting.get(position)
        if attempt is None:
            return True
        is_refused = attempt.refused_by is not None and attempt.refused_by == self.credential_id
        return not attempt.due_in(now) and not is_refused

    async def _hold_changed(self, tx: AsyncConnection, settlements: Sequence[Settlement]) -> None:
        """Lock the instance and the devices that may be changed, in the order that all do.

        Without any the batch's own row is enough to add rows by (see instances.remove).
        """
        changed = [one.device.id for one in settlements if one.device and _may_change(one)]
        if not changed:
            return
        if not await instances.hold(tx, self.batch.instance_id):
            raise BatchTakenOver
        await devices.lock(tx, self.batch.instance_id, changed)

    async def _believed(
        self, tx: AsyncConnection, settlements: Sequence[Settlement], *, now: datetime
    ) -> Sequence[Settlement]:
        """The settlements, without removals that had better be laid to our own credential."""
        said = answers_in(settlements)
        self._answers += said
        if self.credential_id is None or not (said.gone or said.mismatched):
            return settlements
        await self._tell_brake(tx, now=now)
        lane = self.batch.instance_id, self.batch.platform, self.credential_id
        lately = await answers.lately(tx, *lane, now=now)
        return [replace(one, said=believed_of(one.said, lately)) for one in settlements]

    async def _tell_brake(self, tx: AsyncConnection, *, now: datetime) -> None:
        if self.credential_id is not None and self._answers != Answers():
            lane = self.batch.instance_id, self.batch.platform, self.credential_id
            await answers.count(tx, *lane, self._answers, now=now)
        self._answers = Answers()

    def _note(
        self,
        settlement: Settlement,
        *,
        now: datetime,
        expires_at: datetime,
        rng: random.Random,
    ) -> str | None:
        """Note one settlement in the progress, and count it: as what, if it was a try at all."""
        position, said = settlement.position, settlement.said
        said = said.then if isinstance(said, HostLost) else said
        last = self.progress.waiting.pop(position, None)
        match said:
            case Delivered():
                attempt: Attempt | GiveUp = GiveUp()
            case Retry():
                attempt = next_try(last, said, now=now, expires_at=expires_at, rng=rng)
            case Postponed(after):
                attempt = postponed(last, after, now=now, expires_at=expires_at)
            case CredentialRefused(final=final):
                refused_by = self.credential_id if final else None
                attempt = waiting_for_another(last, refused_by, now=now, expires_at=expires_at)
            case _:
                attempt = GiveUp()
        if not isinstance(attempt, GiveUp):
            self.progress.waiting[position] = attempt
            if isinstance(said, Postponed):
                return None
            self._count("retried")
            return "retried"
        self.progress.settled.add(position)
        name = _COUNTED_AS[type(said)]
        self._count(name)
        if isinstance(said, _WITH_REASON):
            self._count(f"{name}: {said.reason}")
        return name

    async def _keep(
        self,
        tx: AsyncConnection,
        believed: Sequence[Settlement],
        outcomes: Sequence[str | None],
        *,
        now: datetime,
    ) -> None:
        """Keep what became of each target that is a user's device."""
        if self.batch.audience is not AudienceKind.USERS:
            return
        noted = []
        for one, outcome in zip(believed, outcomes, strict=True):
            target = self.batch.targets[one.position]
            if outcome is None or target.user_id is None:
                continue
            noted.append(
                Noted(
                    device_id=target.device_id,
                    user_id=target.user_id,
                    outcome=outcome,
                    reason=reason_of(one.said),
                )
            )
        await verdicts.add_all(tx, self.batch, self._version, noted, now=now)

    def _count_trackable(self, believed: Sequence[Settlement]) -> None:
        """Count those delivered whose device will report back that it arrived."""
        trackable = sum(map(_is_delivered_to_sdk, believed)) if self._is_tracked else 0
        if trackable:
            self._count("trackable", trackable)

    def _count(self, name: str, number: int = 1) -> None:
        self.progress.counts[name] = self.progress.counts.get(name, 0) + number

    async def _advance(self, tx: AsyncConnection, *, now: datetime) -> bool:
        """Store the progress; with the last of it, the publish gets the counts.

        Whether with this the publish is finished. Raises BatchTakenOver.
        """
        counts = dict(self.progress.counts)
        if self.is_settled:
            self.progress.counts.clear()
        stored = await batches.advance(
            tx, self.batch, self.progress, version=self._version, settled=self.is_settled
        )
        if not stored:
            raise BatchTakenOver
        if self.is_settled or self.progress.waiting:
            await self._tell_brake(tx, now=now)
        if not self.is_settled:
            return False
        key = (self.batch.instance_id, self.batch.publish_id, self.batch.platform)
        await publishes.count(tx, *key, counts, part=self.batch.shard)
        await self._count_in_insights(tx, counts)
        return await publishes.batch_settled(tx, self.batch, now=now)

    async def _count_in_insights(self, tx: AsyncConnection, counts: Mapping[str, int]) -> None:
        batch = self.batch
        of = insights.Of.hour(batch.audience, batch.platform, batch.accepted_at)
        await insights.count(tx, batch.instance_id, {of: counts})

    async def _remove_gone(
        self, tx: AsyncConnection, believed: Sequence[Settlement], *, now: datetime
    ) -> None:
        for one in believed:
            if isinstance(one.said, DeviceGone) and one.device is not None:
                await devices.remove_gone(tx, one.device, one.said.reason, now=now)

    async def _note_lost_hosts(
        self, tx: AsyncConnection, believed: Sequence[Settlement], *, now: datetime
    ) -> None:
        for one in believed:
            if one.device is None or isinstance(one.said, Postponed | Expired | Cancelled):
                continue
            is_lost = isinstance(one.said, HostLost)
            if is_lost != (one.device.lost_since is not None):
                await devices.set_lost_since(tx, one.device, now if is_lost else None)

    async def _pause_or_go_on(
        self, tx: AsyncConnection, believed: Sequence[Settlement], *, now: datetime
    ) -> None:
        refused = refusal_in(believed)
        lane = self.batch.instance_id, self.batch.platform
        if refused is not None and self.credential_id is not None:
            reason, held_id = refused.reason, self.credential_id
            self._pausing.may_be = True
            await pauses.begin(tx, *lane, credential_id=held_id, reason=reason, now=now)
        elif self._pausing.may_be and any(isinstance(one.said, Delivered) for one in believed):
            await pauses.end(tx, *lane)


def _is_delivered_to_sdk(settlement: Settlement) -> bool:
    device = settlement.device
    return isinstance(settlement.said, Delivered) and device is not None and device.has_sdk


def _may_change(settlement: Settlement) -> bool:
    device = settlement.device
    is_lost = device is not None and device.lost_since is not None
    return is_lost or isinstance(settlement.said, DeviceGone | HostLost)


_WITH_REASON = (DeviceGone, Drop, Retry, CredentialRefused, Expired)
_COUNTED_AS = {
    Delivered: "delivered",
    DeviceGone: "removed",
    Drop: "failed",
    Retry: "failed",
    Postponed: "failed",
    CredentialRefused: "failed",
    Expired: "failed",
    Untied: "untied",
    Cancelled: "cancelled",
}
