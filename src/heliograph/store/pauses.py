"""Pauses: an instance and platform whose credential its gateway refuses.

Nothing is sent but a probe now and then, until one is taken or the credential is another.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId
from heliograph.store.schema import pauses

_FIRST_PROBE = timedelta(seconds=30)
_LONGEST = timedelta(minutes=10)
_MAX_DOUBLINGS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why and since when nothing is sent."""

    credential_id: str
    reason: str
    since: datetime
    next_probe_at: datetime

    def may_be_probed(self, now: datetime) -> bool:
        """Whether it is time; also if it is further off than any, since the clock was set back."""
        return not timedelta() < self.next_probe_at - now <= _LONGEST


async def find(tx: AsyncConnection, instance_id: InstanceId, platform: Platform) -> Pause | None:
    asked = {"of_instance": instance_id, "of_platform": platform}
    row = (await tx.execute(_FOUND, asked)).first()
    return None if row is None else _pause(row)


# Built once: to build it costs more than to run it.
_FOUND = select(pauses).where(
    pauses.c.instance_id == bindparam("of_instance"),
    pauses.c.platform == bindparam("of_platform"),
)


async def begin(
    tx: AsyncConnection,
    instance_id: InstanceId,
    platform: Platform,
    *,
    credential_id: str,
    reason: str,
    now: datetime,
) -> None:
    """Pause, or go on with the pause if it is for the same credential."""
    row = {
        "instance_id": instance_id,
        "platform": platform,
        "credential_id": credential_id,
        "reason": reason,
        "since": now,
        "probes": 0,
        "next_probe_at": now + _FIRST_PROBE,
    }
    anew = {name: row[name] for name in row if name not in {"instance_id", "platform"}}
    statement = insert(pauses).values(row)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=list(pauses.primary_key),
            set_=anew,
            where=pauses.c.credential_id != credential_id,
        )
    )


async def count(tx: AsyncConnection) -> dict[Platform, int]:
    """How many instances are paused on each platform, of all there are."""
    counted = select(pauses.c.platform, func.count().label("lanes"))
    rows = await tx.execute(counted.group_by(pauses.c.platform))
    return {Platform(row.platform): row.lanes for row in rows}


async def claim_probe(
    tx: AsyncConnection, instance_id: InstanceId, platform: Platform, *, now: datetime
) -> bool:
    """Whether the caller may send a probe now. Of several that ask at once, one may."""
    row = (await tx.execute(select(pauses).where(_one(instance_id, platform)))).first()
    if row is None or not _pause(row).may_be_probed(now):
        return False
    wait = min(_FIRST_PROBE * 2 ** min(row.probes + 1, _MAX_DOUBLINGS), _LONGEST)
    # A pause that was ended and begun anew since it was read has another time.
    unchanged = and_(pauses.c.probes == row.probes, pauses.c.next_probe_at == row.next_probe_at)
    claimed = await tx.execute(
        update(pauses)
        .where(_one(instance_id, platform), unchanged)
        .values(probes=row.probes + 1, next_probe_at=now + wait)
    )
    return claimed.rowcount == 1


async def end(tx: AsyncConnection, instance_id: InstanceId, platform: Platform) -> None:
    """A message was taken: go on."""
    await tx.execute(delete(pauses).where(_one(instance_id, platform)))


def _one(instance_id: InstanceId, platform: Platform) -> ColumnElement[bool]:
    return and_(pauses.c.instance_id == instance_id, pauses.c.platform == platform)


def _pause(row: Row[Any]) -> Pause:
    return Pause(
        credential_id=row.credential_id,
        reason=row.reason,
        since=row.since,
        next_probe_at=row.next_probe_at,
    )
