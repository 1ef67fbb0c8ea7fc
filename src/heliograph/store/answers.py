"""Answers: how many of each kind a credential got, hour by hour. What the brake goes by."""

import random
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.answers import Answers
from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId
from heliograph.store.schema import answers

_WINDOW = timedelta(hours=24)
_PARTS = 16


async def count(
    tx: AsyncConnection,
    instance_id: InstanceId,
    platform: Platform,
    credential_id: str,
    new: Answers,
    *,
    now: datetime,
) -> None:
    """Add to the answers of this hour, in one of their parts."""
    row = {
        "instance_id": instance_id,
        "platform": platform,
        "credential_id": credential_id,
        "hour": _hour(now),
        "part": random.randrange(_PARTS),  # noqa: S311  # any will do
        "delivered": new.delivered,
        "gone": new.gone,
        "mismatched": new.mismatched,
    }
    await tx.execute(_COUNT, [row])


_NEW = insert(answers)
_COUNT = _NEW.on_conflict_do_update(
    index_elements=list(answers.primary_key),
    set_={
        name: answers.c[name] + _NEW.excluded[name] for name in ("delivered", "gone", "mismatched")
    },
)


async def lately(
    tx: AsyncConnection,
    instance_id: InstanceId,
    platform: Platform,
    credential_id: str,
    *,
    now: datetime,
) -> Answers:
    """The answers of the last day."""
    mine = and_(answers.c.instance_id == instance_id, answers.c.platform == platform)
    window = and_(mine, answers.c.credential_id == credential_id, answers.c.hour > now - _WINDOW)
    columns = answers.c.delivered, answers.c.gone, answers.c.mismatched
    sums = [func.coalesce(func.sum(column), 0) for column in columns]
    delivered, gone, mismatched = (await tx.execute(select(*sums).where(window))).one()
    return Answers(delivered=int(delivered), gone=int(gone), mismatched=int(mismatched))


async def prune(tx: AsyncConnection, instance_id: InstanceId, *, now: datetime) -> None:
    """Forget what of the instance no brake goes by any more."""
    over = and_(answers.c.instance_id == instance_id, answers.c.hour <= now - _WINDOW)
    await tx.execute(delete(answers).where(over))


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
