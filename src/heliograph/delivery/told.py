"""What is told of publishes to those who watch: live events, made of what delivery knows."""

from collections.abc import Sequence

from heliograph.delivery.settlement import Settlement, reason_of
from heliograph.model.batch import Batch, Progress
from heliograph.model.ids import PublishId
from heliograph.model.live import (
    Answered,
    BatchHeld,
    BatchSent,
    LiveEvent,
    PublishAccepted,
    PublishFannedOut,
    PublishFinished,
)
from heliograph.model.publish import Publish, kind_of, names_in
from heliograph.model.shard import Shard

_MAX_REASON_CHARACTERS = 300


def accepted(publish: Publish) -> Sequence[LiveEvent]:
    kind, names = kind_of(publish.audience), names_in(publish.audience)
    return [PublishAccepted(publish_id=publish.id, audience=kind, number=len(names), names=names)]


def fanned_out(publish: Publish, shards: Sequence[Shard], *, finished: bool) -> Sequence[LiveEvent]:
    """That shards are at their end, those that are; and with them the publish, if it is."""
    ended = [
        PublishFannedOut(
            publish_id=publish.id,
            platform=shard.platform,
            shard=shard.number,
            targets=shard.targets,
            batches=shard.batches,
        )
        for shard in shards
        if shard.done
    ]
    return [*ended, *_finished(publish.id, finished=finished)]


def sent(batch: Batch, due: int) -> Sequence[LiveEvent]:
    return [
        BatchSent(
            publish_id=batch.publish_id,
            platform=batch.platform,
            shard=batch.shard,
            number=batch.number,
            targets=len(batch.targets),
            due=due,
        )
    ]


def held(batch: Batch, reason: str) -> Sequence[LiveEvent]:
    return [BatchHeld(publish_id=batch.publish_id, platform=batch.platform, reason=reason)]


def settled(
    batch: Batch,
    progress: Progress,
    settlements: Sequence[Settlement],
    outcomes: Sequence[str | None],
    *,
    finished: bool,
) -> Sequence[LiveEvent]:
    """What became of targets, those that were tried; and that the publish is finished, if it is."""
    answers = [
        _answered(batch, progress, settlement, outcome)
        for settlement, outcome in zip(settlements, outcomes, strict=True)
        if outcome is not None
    ]
    return [*answers, *_finished(batch.publish_id, finished=finished)]


def _answered(batch: Batch, progress: Progress, settlement: Settlement, outcome: str) -> Answered:
    target = batch.targets[settlement.position]
    waits = progress.waiting.get(settlement.position)
    return Answered(
        publish_id=batch.publish_id,
        device_id=target.device_id,
        user_id=target.user_id,
        platform=batch.platform,
        outcome=outcome,
        reason=reason_of(settlement.said)[:_MAX_REASON_CHARACTERS],
        again_at=None if waits is None else waits.due_at,
    )


def _finished(publish_id: PublishId, *, finished: bool) -> Sequence[PublishFinished]:
    return [PublishFinished(publish_id=publish_id)] if finished else []
