"""What a database visits to answer a statement: counted by itself, so it is the same on each run.

SQLite counts the steps of its virtual machine, PostgreSQL the rows and index entries that it looked
at, also those that it threw away.
"""

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.store.engine import Store


async def visited(store: Store, work: Callable[[AsyncConnection], Awaitable[object]]) -> int:
    """How much the statements of the work visit. What it writes is rolled back."""
    async with store.reading() as connection:
        if connection.dialect.name == "sqlite":
            return await _steps(connection, work)
        statements: list[tuple[str, Any]] = []

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            statements.append((statement, parameters))

        event.listen(connection.sync_connection, "before_cursor_execute", note)
        await work(connection)
        event.remove(connection.sync_connection, "before_cursor_execute", note)
        return sum([await _rows(connection, *one) for one in statements])


async def _steps(
    connection: AsyncConnection, work: Callable[[AsyncConnection], Awaitable[object]]
) -> int:
    driver: Any = (await connection.get_raw_connection()).driver_connection
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    await driver.set_progress_handler(step, 1)
    try:
        await work(connection)
    finally:
        await driver.set_progress_handler(None, 0)
    return steps


async def _rows(connection: AsyncConnection, statement: str, parameters: Any) -> int:
    explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
    answer = (await connection.exec_driver_sql(explain, parameters)).scalar_one()
    [explained] = json.loads(answer) if isinstance(answer, str) else answer
    return sum(map(_visited_by, _parts_of(explained["Plan"])))


def _parts_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _parts_of(part)


def _visited_by(part: dict[str, Any]) -> int:
    thrown_away = part.get("Rows Removed by Filter", 0)
    return int(part["Actual Loops"] * (part["Actual Rows"] + thrown_away))
