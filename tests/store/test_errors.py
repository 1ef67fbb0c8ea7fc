"""What goes wrong in the database is told without what was being stored."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from heliograph.model.errors import Unavailable
from heliograph.store.engine import open_store
from heliograph.store.sealed import MasterKey, Seal


async def test_an_error_does_not_show_the_values_of_a_statement(tmp_path: Path) -> None:
    async with open_store(tmp_path / "heliograph.db", Seal(MasterKey(bytes(32)))) as store:
        insert = text("INSERT INTO instances (id, name) VALUES ('1', :secret)")
        with pytest.raises(DBAPIError) as refused:
            async with store.writing() as tx:
                await tx.execute(insert, {"secret": "push-token-of-alice"})
        assert "push-token-of-alice" not in str(refused.value)


async def test_a_database_that_another_process_keeps_to_itself_is_unavailable(
    tmp_path: Path,
) -> None:
    path = tmp_path / "heliograph.db"
    async with open_store(path, Seal(MasterKey(bytes(32)))) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable):
                async with store.writing():
                    pass
            other.execute("ROLLBACK")
        async with store.writing() as tx:
            assert await tx.scalar(text("SELECT 1")) == 1
