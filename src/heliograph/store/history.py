"""History: what happened to users' devices, to be told when one asks why nothing arrived.

Of a user who was deleted only that is kept. Devices that nobody is tied to have no history.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.history import Happened, What
from heliograph.model.ids import InstanceId, UserId
from heliograph.store.schema import device_history

Tie = tuple[str, str, str | None]
"""Device, platform and user."""


async def note(
    tx: AsyncConnection,
    instance_id: InstanceId,
    ties: Iterable[Tie],
    what: What,
    *,
    reason: str = "",
    now: datetime,
) -> None:
    """Note what happens to devices just now, as far as they are users'.

    The caller holds the instance, or the devices.
    """
    rows = [
        {
            "instance_id": instance_id,
            "user_id": user_id,
            "device_id": device_id,
            "happened_at": now,
            "what": what,
            "platform": platform,
            "reason": reason,
        }
        for device_id, platform, user_id in ties
        if user_id is not None
    ]
    if rows:
        await tx.execute(_NOTE, rows)


# Built once: to build it costs more than to run it. Twice in a millisecond is once.
_NOTE = insert(device_history).on_conflict_do_nothing()


async def forget_user(tx: AsyncConnection, instance_id: InstanceId, user_id: UserId) -> bool:
    """Forget what happened to the user's devices. Whether there was anything."""
    return (await tx.execute(delete(device_history).where(_of(instance_id, user_id)))).rowcount > 0


async def of_user(
    tx: AsyncConnection, instance_id: InstanceId, user_id: UserId, *, limit: int
) -> Sequence[Happened]:
    """What happened to the user's devices, newest first."""
    mine = select(device_history).where(_of(instance_id, user_id))
    newest = mine.order_by(device_history.c.happened_at.desc()).limit(limit)
    return [
        Happened(
            device_id=row.device_id,
            platform=row.platform,
            what=What(row.what),
            reason=row.reason,
            at=row.happened_at,
        )
        for row in await tx.execute(newest)
    ]


def _of(instance_id: InstanceId, user_id: UserId) -> ColumnElement[bool]:
    return and_(device_history.c.instance_id == instance_id, device_history.c.user_id == user_id)
