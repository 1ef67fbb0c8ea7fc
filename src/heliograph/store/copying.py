"""Copying instances from one database to another: all of what is chosen, or nothing.

Rows are read page by page in the order of their keys and written in one transaction, so that
millions of them need no more memory than a page.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, func, insert, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.errors import Invalid, Misconfigured
from heliograph.model.ids import InstanceId
from heliograph.store import credentials, instances
from heliograph.store.engine import Store
from heliograph.store.schema import metadata, owner_in

_PAGE = 1000


async def copy(
    source: Store, target: Store, instance_ids: Sequence[InstanceId]
) -> Mapping[str, int]:
    """Copy the instances with all that is theirs; how many rows there are now, by table.

    Both must have the same master key. Raises, with nothing changed: Misconfigured, Unavailable,
    NotFound for an instance that isn't there, Invalid for one that is in the target already.
    """
    copied = Counter[str]()
    async with source.reading() as reading, target.writing_alone() as tx:
        await credentials.check_seal(tx, source.seal)
        for instance_id in instance_ids:
            await instances.find(reading, instance_id)
            if await instances.hold(tx, instance_id):
                raise Invalid("instance", f"{target.name} has {instance_id} already")
            for table in metadata.sorted_tables:
                copied[table.name] += await _copy(reading, tx, table, instance_id)
    await target.survey()
    return copied


async def _copy(
    reading: AsyncConnection, tx: AsyncConnection, table: Table, instance_id: InstanceId
) -> int:
    async for page in _pages(reading, table, instance_id):
        await tx.execute(insert(table), page)
    wanted = await _count(reading, table, instance_id)
    there = await _count(tx, table, instance_id)
    if there != wanted:
        raise Misconfigured(
            f"of {wanted} rows in {table.name}, {there} would be in the copy",
            "Nothing was copied. Look for what else writes to either database, and try again.",
        )
    return there


async def _pages(
    reading: AsyncConnection, table: Table, instance_id: InstanceId
) -> AsyncIterator[list[dict[str, Any]]]:
    key = list(table.primary_key)
    statement = select(table).where(owner_in(table) == instance_id).order_by(*key).limit(_PAGE)
    page = (await reading.execute(statement)).mappings().all()
    while page:
        yield [dict(row) for row in page]
        last = [literal(page[-1][column.name], column.type) for column in key]
        behind = statement.where(tuple_(*key) > tuple_(*last))
        page = (await reading.execute(behind)).mappings().all()


async def _count(tx: AsyncConnection, table: Table, instance_id: InstanceId) -> int:
    mine = select(func.count()).select_from(table).where(owner_in(table) == instance_id)
    return await tx.scalar(mine) or 0
