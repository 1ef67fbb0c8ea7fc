"""Who a publish is for: users or interests resolved to devices, page by page, in a stable order.

A page is a range of that order. Read again, the range gives the same devices, but for those that
came or went in between; so a fan-out that was cut off can repeat its last page and go on behind it.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, bindparam, null, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.batch import Target
from heliograph.model.device import Platform
from heliograph.model.ids import Interest
from heliograph.model.publish import Interests, Publish, Users
from heliograph.model.shard import Position, Shard
from heliograph.store.batches import Range
from heliograph.store.schema import devices, subscriptions

_Compare = Callable[[Any, Any], ColumnElement[bool]]


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
        given = {"after": after, "first": first, "until": until}
        self._bounds = {name: at for name, at in given.items() if at is not None}

    @property
    def names(self) -> tuple[str, ...]:
        """The bounds that there are."""
        return tuple(self._bounds)

    @property
    def values(self) -> dict[str, str]:
        users = {f"{name}_user": at.user_id for name, at in self._bounds.items()}
        return users | {f"{name}_device": at.device_id for name, at in self._bounds.items()}


_BEYOND: Mapping[str, tuple[_Compare, _Compare]] = {
    "after": (operator.gt, operator.gt),
    "first": (operator.gt, operator.ge),
    "until": (operator.lt, operator.le),
}
"""How a bound is compared with all columns of the order but the last, and with the last."""


def _within(names: Sequence[str], *order: Column[str]) -> ColumnElement[bool]:
    """The rows between these bounds, whose values come later.

    Not as (user_id, id) > (…): then SQLite reads the index from there on, past all other users.
    """
    *before, device_id = order
    sides = list[ColumnElement[bool]]()
    for name in names:
        beyond, at_last = _BEYOND[name]
        among_devices = at_last(device_id, bindparam(f"{name}_device"))
        for user_id in before:
            user: ColumnElement[str] = bindparam(f"{name}_user")
            among_devices = or_(beyond(user_id, user), and_(user_id == user, among_devices))
        sides.append(among_devices)
    return and_(*sides)


async def _read(
    tx: AsyncConnection, publish: Publish, platform: Platform, wanted: _Range, limit: int | None
) -> list[Target]:
    asked: dict[str, Any] = {
        **wanted.values,
        "of_instance": publish.instance_id,
        "of_platform": platform,
    }
    match publish.audience:
        case Users(users):
            chosen = _of_users(wanted.names, limit)
            asked["of_users"] = users
        case Interests(interests):
            chosen = _of_interests(interests, wanted.names, limit)
    return [Target(row[0], row[1]) for row in await tx.execute(chosen, asked)]


@cache
def _of_users(names: tuple[str, ...], limit: int | None) -> Select[Any]:
    """Built once for all that ask alike: to build it costs more than to run it."""
    order = devices.c.user_id, devices.c.id
    return (
        select(devices.c.id, devices.c.user_id)
        .where(
            devices.c.instance_id == bindparam("of_instance"),
            devices.c.user_id.in_(bindparam("of_users", expanding=True)),
            devices.c.platform == bindparam("of_platform"),
            _within(names, *order),
        )
        .order_by(*order)
        .limit(limit)
    )


def _of_interests(
    interests: tuple[Interest, ...], names: Sequence[str], limit: int | None
) -> Select[Any]:
    """A page is merged from a page of each interest: to sort all would take time for each page."""
    pages = [
        select(subscriptions.c.device_id)
        .where(
            subscriptions.c.instance_id == bindparam("of_instance"),
            subscriptions.c.interest == interest,
            subscriptions.c.platform == bindparam("of_platform"),
            _within(names, subscriptions.c.device_id),
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
