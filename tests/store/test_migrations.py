"""The migrations make the tables that the code declares."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from heliograph.model.errors import Misconfigured
from heliograph.store import schema
from heliograph.store.engine import open_store
from heliograph.store.sealed import MasterKey, Seal

SEAL = Seal(MasterKey(bytes(32)))
MIGRATIONS = Path(schema.__file__).parent / "migrations"


async def test_migrations_and_declared_tables_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "heliograph.db"
    async with open_store(path, SEAL):
        pass
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


def test_the_newest_migration_is_the_declared_version() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [schema.VERSION]


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "heliograph.db"
    async with open_store(path, SEAL):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(Misconfigured, match="newer version"):
        async with open_store(path, SEAL):
            pass
