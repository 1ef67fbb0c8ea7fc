"""Publishes as they are listed, and what became of each user of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import msgspec
from sqlalchemy import ColumnElement, Row, and_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.cursor import decode_cursor, encode_cursor, wrong_cursor
from heliograph.model.errors import NotFound
from heliograph.model.ids import InstanceId, PublishId, UserId, is_storable
from heliograph.model.publish import AudienceKind, PublishState
from heliograph.model.report import REPORTED_AS, Listed, Said, Stage
from heliograph.store.schema import publishes, reports, verdicts

_MAX_INSTANT = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A publish's place in the list, newest first. Ids tell apart what came in one millisecond."""

    accepted_at: datetime
    publish_id: str

    @classmethod
    def of(cls, listed: Listed) -> Self:
        return cls(accepted_at=listed.accepted_at, publish_id=listed.publish_id)

    @classmethod
    def read(cls, cursor: str) -> Self:
        """Raises Invalid."""
        instant, _, publish_id = decode_cursor(cursor).partition(":")
        milliseconds = int(instant) if instant.isascii() and instant.isdecimal() else -1
        if not 0 <= milliseconds <= _MAX_INSTANT.timestamp() * 1000 or not is_storable(publish_id):
            raise wrong_cursor()
        return cls(
            accepted_at=datetime.fromtimestamp(milliseconds / 1000, UTC), publish_id=publish_id
        )

    def written(self) -> str:
        return encode_cursor(f"{round(self.accepted_at.timestamp() * 1000)}:{self.publish_id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which publishes to list. None: any."""

    stage: Stage | None = None
    audience: AudienceKind | None = None
    since: datetime | None = None
    """Accepted then or later."""
    until: datetime | None = None
    """Accepted before."""
    behind: Place | None = None


async def page(
    tx: AsyncConnection, instance_id: InstanceId, wanted: Wanted, *, limit: int
) -> list[Listed]:
    """The next publishes, newest first."""
    order = publishes.c.accepted_at, publishes.c.id
    mine = publishes.c.instance_id == instance_id
    chosen = [mine, publishes.c.state != PublishState.FORGOTTEN, *_conditions(wanted)]
    if wanted.behind is not None:
        place = wanted.behind.accepted_at, wanted.behind.publish_id
        types = [column.type for column in order]
        chosen.append(tuple_(*order) < tuple_(*place, types=types))
    newest = select(publishes).where(*chosen).order_by(*(column.desc() for column in order))
    return [_listed(row) for row in await tx.execute(newest.limit(limit))]


async def find(tx: AsyncConnection, instance_id: InstanceId, publish_id: str) -> Listed:
    """Raises NotFound."""
    one = and_(publishes.c.instance_id == instance_id, publishes.c.id == publish_id)
    row = (await tx.execute(select(publishes).where(one))).first()
    if row is None or row.state == PublishState.FORGOTTEN:
        raise NotFound("publish")
    return _listed(row)


async def said_of_users(
    tx: AsyncConnection,
    instance_id: InstanceId,
    publish_id: PublishId,
    user_ids: Sequence[UserId],
) -> list[Said]:
    """What gateways said of the users' devices, and what these reported."""
    mine = and_(
        verdicts.c.instance_id == instance_id,
        verdicts.c.publish_id == publish_id,
        verdicts.c.user_id.in_(user_ids),
    )
    ordered = select(verdicts).where(mine).order_by(verdicts.c.device_id, verdicts.c.number)
    said = [
        Said(device_id=row.device_id, user_id=row.user_id, outcome=row.outcome, reason=row.reason)
        for row in await tx.execute(ordered)
    ]
    users = {one.device_id: one.user_id for one in said}
    reported = and_(
        reports.c.instance_id == instance_id,
        reports.c.publish_id == publish_id,
        reports.c.device_id.in_(list(users)),
    )
    for row in await tx.execute(select(reports.c.device_id, reports.c.event).where(reported)):
        name = REPORTED_AS[row.event]
        said.append(Said(device_id=row.device_id, user_id=users[row.device_id], outcome=name))
    return said


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = []
    if wanted.audience is not None:
        conditions.append(publishes.c.audience == wanted.audience)
    if wanted.since is not None:
        conditions.append(publishes.c.accepted_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(publishes.c.accepted_at < wanted.until)
    if wanted.stage is not None:
        conditions.append(_is_at(wanted.stage))
    return conditions


def _is_at(stage: Stage) -> ColumnElement[bool]:
    """The same as Listed.stage, for the database."""
    state, is_finished = publishes.c.state, publishes.c.finished_at.is_not(None)
    match stage:
        case Stage.CANCELLED:
            return state == PublishState.CANCELLED
        case Stage.FINISHED:
            return and_(state != PublishState.CANCELLED, is_finished)
        case Stage.PAUSED:
            return and_(state == PublishState.PAUSED, ~is_finished)
        case Stage.UNDER_WAY:
            return and_(state == PublishState.RUNNING, ~is_finished)


def _listed(row: Row[Any]) -> Listed:
    return Listed(
        publish_id=PublishId(row.id),
        audience=row.audience,
        names=msgspec.json.decode(row.names),
        accepted_at=row.accepted_at,
        state=PublishState(row.state),
        finished_at=row.finished_at,
    )
