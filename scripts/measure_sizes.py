"""Measures what docs/scaling.md is computed from, and records it in scripts/sizes.json.

    python -m scripts.measure_sizes

fills a SQLite file and a PostgreSQL database, and needs some minutes and some hundred megabytes.
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from sqlalchemy import text

from heliograph.model.device import Platform
from heliograph.store.database import PostgresqlUrl
from heliograph.store.engine import open_store
from heliograph.store.postgresql import Postgresql
from heliograph.store.schema import metadata
from heliograph.store.sealed import MasterKey, Seal
from scripts.fill import batch_message, fill
from tests.postgresql import Postgresql as Server

RECORD = Path(__file__).with_name("sizes.json")
SEAL = Seal(MasterKey(bytes(32)))

Sizes = dict[str, dict[str, Any]]
"""By table: its rows, its bytes, and the bytes of its indexes by name."""


@click.command()
@click.option("--devices", "number", default=100_000, show_default=True, help="How many to make.")
@click.option(
    "--database-url",
    metavar="URL",
    help="An empty PostgreSQL database; else one is started that the machine has.",
)
def main(number: int, database_url: str | None) -> None:
    """Measure bytes a row on each database, and of a batch on the stream."""
    measured: dict[str, Any] = {
        "measured_at": f"{datetime.now(UTC):%Y-%m-%d}",
        "devices": number,
        "sqlite": asyncio.run(_sqlite(number)),
        "batch_bytes": len(batch_message(Platform.FCM)),
    }
    with database(database_url) as url:
        measured |= asyncio.run(_postgresql(url, number))
    note(measured)


def note(measured: Mapping[str, Any]) -> None:
    """Record it beside what else there is."""
    known = msgspec.json.decode(RECORD.read_bytes()) if RECORD.exists() else {}
    content = msgspec.json.encode({**known, **measured}, order="sorted")
    RECORD.write_bytes(msgspec.json.format(content, indent=1) + b"\n")


@contextmanager
def database(given: str | None) -> Iterator[PostgresqlUrl]:
    if given is not None:
        yield PostgresqlUrl(given)
        return
    with Server.start() as server:
        yield PostgresqlUrl(server.new_database())


async def _sqlite(number: int) -> Sizes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "heliograph.db"
        async with open_store(path, SEAL) as store:
            await fill(store, number=number, said=said_of("SQLite"))
        with sqlite3.connect(path) as connection:
            sizes = dict(connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
            rows = {table: _rows(connection, table) for table in metadata.tables}
            named = connection.execute("SELECT name, tbl_name FROM sqlite_master").fetchall()
        connection.close()
    return {
        table: {
            "rows": rows[table],
            "bytes": sizes[table],
            "indexes": {
                name: sizes[name] for name, of in named if of == table != name and name in sizes
            },
        }
        for table in metadata.tables
    }


def _rows(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608


async def _postgresql(url: PostgresqlUrl, number: int) -> dict[str, Any]:
    async with open_store(url, SEAL) as store:
        await fill(store, number=number, said=said_of("PostgreSQL"))
    return await _sizes(url)


async def _sizes(url: PostgresqlUrl) -> dict[str, Any]:
    opened = Postgresql(url)
    try:
        async with opened.migrator.connect() as connection:
            outside = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await outside.execute(text("VACUUM ANALYZE"))
            return {
                "postgresql_version": str(await outside.scalar(text("SHOW server_version"))),
                "postgresql": {table: await _of_table(outside, table) for table in metadata.tables},
            }
    finally:
        await opened.close()


async def _of_table(connection: Any, table: str) -> dict[str, Any]:
    indexes = await connection.execute(
        text(
            "SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index"
            " WHERE indrelid = CAST(CAST(:name AS text) AS regclass)"
        ),
        {"name": table},
    )
    return {
        "rows": await connection.scalar(text(f"SELECT count(*) FROM {table}")),  # noqa: S608
        "bytes": await connection.scalar(
            text("SELECT pg_table_size(CAST(CAST(:name AS text) AS regclass))"), {"name": table}
        ),
        "indexes": dict(map(tuple, indexes)),
    }


def said_of(database: str) -> Any:
    def said(done: str) -> None:
        click.echo(f"\r{database}: {done}        ", nl=False)

    return said


if __name__ == "__main__":
    main()
