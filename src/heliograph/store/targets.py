"""Who a publish is for: users or interests resolved to devices, page by page, in a stable order.

A page is a range of that order. Read again, the range gives the same devices, but for those that
came or went in between; so a fan-out that was cut off can repeat its last page and go on behind it.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, null, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.batch import Target
from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId, Interest
from heliograph.model.publish import Interests, Publish, Users
from heliograph.model.shard import Position, Shard
from heliograph.store.batches import Range
from heliograph.store.schema import devices, subscriptions

_Compare = Callable[[Any, str], ColumnElement[bool]]


def position_of(target: Target) -> Position:
    return Position(target.user_id or "", target.device_id)


async def page_of(
    tx: AsyncConnection, publish: Publish, shard: Shard, *, limit: int
) -> list[Target]:
    """The next targets of a shard; fewer than `limit` are its last."""
    wanted = _Range(after=shard.position, until=shard.until)
    return await _read(tx, publish, shard.platform, wanted, limit)


async def page_again(tx: AsyncConnection, publish: Publish, noted: Range) -> list[Target]:
    """The targets of a page that was read before, both ends included."""
    wanted = _Range(first=noted.first, until=noted.last)
    return await _read(tx, publish, noted.platform, wanted, None)


class _Range:
    """What of the order is meant."""

    def __init__(
        self,
        *,
        after: Position | None = None,
        first: Position | None = None,
        until: Position | None = None,
    ) -> None:
        self._after = after
        self._first = first
        self._until = until

    def among(self, *order: Column[str]) -> ColumnElement[bool]:
        bounds = list[ColumnElement[bool]]()
        if self._after is not None:
            bounds.append(_beyond(order, self._after, operator.gt, operator.gt))
        if self._first is not None:
            bounds.append(_beyond(order, self._first, operator.gt, operator.ge))
        if self._until is not None:
            bounds.append(_beyond(order, self._until, operator.lt, operator.le))
        return and_(*bounds)


def _beyond(
    order: Sequence[Column[str]], position: Position, beyond: _Compare, at_last: _Compare
) -> ColumnElement[bool]:
    """Rows on one side of a position. at_last: how the last column is compared.

    Not as (user_id, id) > (…): then SQLite reads the index from there on, past all other users.
    """
    *before, device_id = order
    among_devices = at_last(device_id, position.device_id)
    if not before:
        return among_devices
    [user_id] = before
    of_the_user = and_(user_id == position.user_id, among_devices)
    return or_(beyond(user_id, position.user_id), of_the_user)


async def _read(
    tx: AsyncConnection, publish: Publish, platform: Platform, wanted: _Range, limit: int | None
) -> list[Target]:
    match publish.audience:
        case Users(users):
            chosen = _of_users(publish.instance_id, platform, users, wanted, limit)
        case Interests(interests):
            chosen = _of_interests(publish.instance_id, platform, interests, wanted, limit)
    return [Target(row[0], row[1]) for row in await tx.execute(chosen)]


def _of_users(
    instance_id: InstanceId,
    platform: Platform,
    users: tuple[str, ...],
    wanted: _Range,
    limit: int | None,
) -> Select[Any]:
    order = devices.c.user_id, devices.c.id
    return (
        select(devices.c.id, devices.c.user_id)
        .where(
            devices.c.instance_id == instance_id,
            devices.c.user_id.in_(users),
            devices.c.platform == platform,
            wanted.among(*order),
        )
        .order_by(*order)
        .limit(limit)
    )


def _of_interests(
    instance_id: InstanceId,
    platform: Platform,
    interests: tuple[Interest, ...],
    wanted: _Range,
    limit: int | None,
) -> Select[Any]:
    """A page is merged from a page of each interest: to sort all would take time for each page."""
    pages = [
        select(subscriptions.c.device_id)
        .where(
            subscriptions.c.instance_id == instance_id,
            subscriptions.c.interest == interest,
            subscriptions.c.platform == platform,
            wanted.among(subscriptions.c.device_id),
        )
        .order_by(subscriptions.c.device_id)
        .limit(limit)
        .subquery()
        for interest in interests
    ]
    # A device with several of the interests is one target.
    merged = union_all(*(select(page) for page in pages)).subquery()
    device_id = merged.c.device_id
    return select(device_id, null()).distinct().order_by(device_id).limit(limit)
