"""The schema and its statements are such that a database can be split by instance.

What Citus asks of them: https://docs.citusdata.com/en/stable/reference/sql_workarounds.html. And
what PostgreSQL asks of a partitioned table:
https://www.postgresql.org/docs/current/ddl-partitioning.html
"""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

import pytest
from sqlalchemy import (
    CTE,
    BindParameter,
    BooleanClauseList,
    ColumnElement,
    Connection,
    Delete,
    Join,
    PrimaryKeyConstraint,
    Select,
    Subquery,
    Table,
    UniqueConstraint,
    Update,
    delete,
    event,
    select,
)
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression

from heliograph import store as room
from heliograph.store import schema
from heliograph.store.database import PostgresqlUrl
from heliograph.store.engine import Store, open_store
from heliograph.store.schema import owner_in, publishes, reports
from tests.databases import SEAL
from tests.postgresql import Postgresql
from tests.store.life import live
from tests.store.partitioned import BY_DEVICE, BY_INSTANCE, Layout, partitioned

TABLES = schema.metadata.sorted_tables

WITHOUT_INSTANCE = {
    "SELECT instances.id, instances.name, instances.created_at FROM instances"
    " ORDER BY instances.created_at, instances.id": "which instances there are; few rows",
    "SELECT vapid_keys.instance_id, vapid_keys.public_key, vapid_keys.sealed, vapid_keys.created_at"
    " FROM vapid_keys LIMIT :param_1": "any row, at the start, to see that the master key opens it",
    "SELECT pauses.platform, count(*) AS lanes FROM pauses"
    " GROUP BY pauses.platform": "how many lanes are paused, at each scrape; few rows",
}
"""Statements that go to all shards, and why they may."""


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_all_that_is_unique_is_so_within_an_instance(table: Table) -> None:
    unique = [
        one for one in table.constraints if isinstance(one, PrimaryKeyConstraint | UniqueConstraint)
    ]
    assert unique
    for one in [*unique, *(index for index in table.indexes if index.unique)]:
        assert owner_in(table) in one.columns.values(), one.name


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_row_must_be_where_another_is(table: Table) -> None:
    assert table.foreign_keys == set()


async def test_every_statement_names_its_instance(store: Store) -> None:
    seen: dict[str, set[str]] = {}

    def look(_connection: Connection, statement: Any, *_with: object) -> None:
        seen[" ".join(str(statement).split())] = tables_left_open(statement)

    event.listen(Engine, "before_execute", look)
    try:
        await live(store)
    finally:
        event.remove(Engine, "before_execute", look)
    assert {statement for statement, tables in seen.items() if tables} == set(WITHOUT_INSTANCE)


@pytest.mark.parametrize(
    "statement",
    [
        select(publishes).where(publishes.c.id == "pubid-1"),
        select(publishes, reports).where(publishes.c.instance_id == "i"),
        delete(reports).where((reports.c.instance_id == "i") | (reports.c.event == "open")),
    ],
    ids=["by id alone", "one of two tables", "or something else"],
)
def test_a_statement_that_does_not_would_be_found(statement: Any) -> None:
    assert tables_left_open(statement)


async def test_the_life_of_an_instance_takes_every_function_of_the_store(store: Store) -> None:
    called = set[CodeType]()

    def note(frame: FrameType, _event: str, _argument: object) -> None:
        called.add(frame.f_code)

    sys.setprofile(note)
    try:
        await live(store)
    finally:
        sys.setprofile(None)
    assert [name for name, code in functions_of_the_store() if code not in called] == []


@pytest.mark.parametrize("layout", [BY_INSTANCE, BY_DEVICE], ids=["by instance", "by device"])
async def test_partitioned_tables_serve_as_whole_ones_do(
    postgresql: Postgresql, layout: Layout
) -> None:
    url = PostgresqlUrl(postgresql.new_database())
    await partitioned(url, layout)
    async with open_store(url, SEAL) as store:
        await live(store)


async def test_the_devices_of_one_instance_can_not_be_divided_yet(postgresql: Postgresql) -> None:
    """A push token is one device's in the whole instance: docs/scaling.md says what that needs."""
    url = PostgresqlUrl(postgresql.new_database())
    with pytest.raises(DBAPIError, match="must include all partitioning columns"):
        await partitioned(url, {**BY_DEVICE, "devices": "instance_id, id"})


def tables_left_open(statement: Any) -> set[str]:
    """The tables of which the statement doesn't say whose rows it is about."""
    left_open = set[str]()
    for part in visitors.iterate(statement):
        match part:
            case Select():
                tables, on = _tables_of(part)
                left_open |= _without_owner(tables, [*on, part.whereclause])
            case Update() | Delete() if isinstance(part.table, Table):
                left_open |= _without_owner({part.table}, [part.whereclause])
            case _:
                # An INSERT must name it: the column takes no NULL, and has no default.
                pass
    return left_open


def _tables_of(part: Select[Any]) -> tuple[set[Table], list[ColumnElement[bool] | None]]:
    # What it selects from another SELECT, that one must say.
    own = [origin for origin in part.get_final_froms() if not isinstance(origin, Subquery | CTE)]
    inside = [one for origin in own for one in visitors.iterate(origin)]
    on = [one.onclause for one in inside if isinstance(one, Join)]
    return {one for one in inside if isinstance(one, Table)}, on


def _without_owner(tables: set[Table], conditions: list[ColumnElement[bool] | None]) -> set[str]:
    """Those whose owner isn't told, nor the same as one that is."""
    owners = {owner_in(table): table.name for table in tables}
    same = [
        (one.left, one.right)
        for condition in conditions
        for one in _all_of(condition)
        if isinstance(one, BinaryExpression) and one.operator is operators.eq
    ]
    told = {left for left, right in same if isinstance(right, BindParameter)}
    told |= {left for left, right in same if right in told}
    return {name for owner, name in owners.items() if owner not in told}


def _all_of(condition: Any) -> Iterator[Any]:
    """What must hold for the condition to hold."""
    if isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        for part in condition.clauses:
            yield from _all_of(part)
    else:
        yield condition


def functions_of_the_store() -> Iterator[tuple[str, CodeType]]:
    """All that is asked of an open transaction."""
    for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
        for name, function in inspect.getmembers(
            importlib.import_module(module.name), inspect.iscoroutinefunction
        ):
            first = next(iter(inspect.signature(function).parameters.values()), None)
            if (
                function.__module__ == module.name
                and not name.startswith("_")
                and first is not None
                and first.annotation is AsyncConnection
            ):
                yield f"{module.name}.{name}", function.__code__
