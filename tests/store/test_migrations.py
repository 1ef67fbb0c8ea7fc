"""The migrations make the tables that the code declares, on every kind of database."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from heliograph.model.errors import Misconfigured
from heliograph.store import schema
from heliograph.store.database import PostgresqlUrl
from heliograph.store.engine import Store, open_store
from tests.databases import SEAL

MIGRATIONS = Path(schema.__file__).parent / "migrations"


async def test_migrations_and_declared_tables_are_the_same(store: Store) -> None:
    async with store.reading() as connection:
        assert await connection.run_sync(_differences) == []


def test_the_newest_migration_is_the_declared_version() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [schema.VERSION]


async def test_a_database_of_a_newer_version_is_refused(database: Path | PostgresqlUrl) -> None:
    async with open_store(database, SEAL) as store, store.writing() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Misconfigured, match="newer version"):
        async with open_store(database, SEAL):
            pass


async def test_several_that_start_at_once_migrate_once(database: Path | PostgresqlUrl) -> None:
    async def start() -> None:
        async with open_store(database, SEAL) as store, store.reading() as connection:
            versions = await connection.scalars(text("SELECT version_num FROM alembic_version"))
            assert versions.all() == [schema.VERSION]

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(start())


def _differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, schema.metadata))
