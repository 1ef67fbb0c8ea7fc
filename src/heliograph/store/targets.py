"""Who a publish is for: users or interests resolved to devices, page by page, in a stable order.

A page is a range of that order. Read again, the range gives the same devices, but for those that
came or went in between; so a fan-out that was cut off can repeat its last page and go on behind it.
"""

import msgspec
from sqlalchemy import Column, Select, Tuple, and_, literal, null, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.batch import Target
from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId
from heliograph.model.publish import Audience, Users
from heliograph.store.schema import devices, subscriptions


class Position(msgspec.Struct, frozen=True, array_like=True):
    """A place in the order of targets: by user, then device; by device alone for interests."""

    user_id: str
    device_id: str


START = Position("", "")


def position_of(target: Target) -> Position:
    return Position(target.user_id or "", target.device_id)


async def page_after(
    tx: AsyncConnection,
    instance_id: InstanceId,
    platform: Platform,
    audience: Audience,
    *,
    after: Position,
    limit: int,
) -> list[Target]:
    """The next targets behind a position; none when there are no more."""
    order = _order(audience)
    behind = tuple_(*order) > _bound(after, order)
    statement = _resolved(instance_id, platform, audience).where(behind)
    rows = await tx.execute(statement.order_by(*order).limit(limit))
    return [Target(row.device_id, row.user_id) for row in rows]


async def page_between(
    tx: AsyncConnection,
    instance_id: InstanceId,
    platform: Platform,
    audience: Audience,
    *,
    first: Position,
    last: Position,
) -> list[Target]:
    """The targets of a page that was read before, both ends included."""
    order = _order(audience)
    inside = and_(tuple_(*order) >= _bound(first, order), tuple_(*order) <= _bound(last, order))
    statement = _resolved(instance_id, platform, audience).where(inside)
    rows = await tx.execute(statement.order_by(*order))
    return [Target(row.device_id, row.user_id) for row in rows]


def _resolved(
    instance_id: InstanceId, platform: Platform, audience: Audience
) -> Select[tuple[str, str | None]]:
    if isinstance(audience, Users):
        return select(devices.c.id.label("device_id"), devices.c.user_id).where(
            devices.c.instance_id == instance_id,
            devices.c.user_id.in_(audience.users),
            devices.c.platform == platform,
        )
    # A device with several of the interests is one target.
    return (
        select(subscriptions.c.device_id, null().label("user_id"))
        .where(
            subscriptions.c.instance_id == instance_id,
            subscriptions.c.interest.in_(audience.interests),
            subscriptions.c.platform == platform,
        )
        .distinct()
    )


def _order(audience: Audience) -> list[Column[str]]:
    if isinstance(audience, Users):
        return [devices.c.user_id, devices.c.id]
    return [subscriptions.c.device_id]


def _bound(position: Position, order: list[Column[str]]) -> Tuple:
    values = (position.user_id, position.device_id)[-len(order) :]
    return tuple_(*(literal(value) for value in values))
