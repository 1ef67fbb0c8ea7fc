"""What goes wrong in the database is told without what was being stored, or the password."""

import asyncio
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.errors import Misconfigured, Unavailable
from heliograph.store.database import PostgresqlUrl, parse_postgresql_url
from heliograph.store.engine import Store, open_store
from tests.databases import SEAL
from tests.postgresql import Postgresql
from tests.processes import free_port


async def test_an_error_does_not_show_the_values_of_a_statement(store: Store) -> None:
    insert = text("INSERT INTO instances (id, name) VALUES ('1', :secret)")
    with pytest.raises(DBAPIError) as refused:
        async with store.writing() as tx:
            await tx.execute(insert, {"secret": "push-token-of-alice"})
    assert "push-token-of-alice" not in str(refused.value)


async def test_a_reader_can_change_nothing_on_postgresql(shared_database: PostgresqlUrl) -> None:
    async with open_store(shared_database, SEAL) as store:
        with pytest.raises(Unavailable):
            async with store.reading() as connection:
                await connection.execute(text("DELETE FROM instances"))


async def test_a_database_that_another_process_keeps_to_itself_is_unavailable(
    tmp_path: Path,
) -> None:
    path = tmp_path / "heliograph.db"
    async with open_store(path, SEAL) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable):
                async with store.writing() as tx:
                    await tx.scalar(text("SELECT 1"))
            other.execute("ROLLBACK")
        async with store.writing() as tx:
            assert await tx.scalar(text("SELECT 1")) == 1


async def test_of_two_that_wait_for_each_other_one_is_done_again(
    shared_database: PostgresqlUrl,
) -> None:
    lock = text("SELECT pg_advisory_xact_lock(:key)")
    both_begun = asyncio.Barrier(2)
    tries = []

    async with open_store(shared_database, SEAL) as store:

        async def take(tx: AsyncConnection, first: int, then: int) -> int:
            tries.append(first)
            await tx.execute(lock, {"key": first})
            if len(tries) <= both_begun.parties:
                await both_begun.wait()
            await tx.execute(lock, {"key": then})
            return first

        async with asyncio.TaskGroup() as group:
            one = group.create_task(store.write(partial(take, first=1, then=2)))
            other = group.create_task(store.write(partial(take, first=2, then=1)))
        assert (one.result(), other.result(), len(tries)) == (1, 2, 3)


async def test_after_a_restart_of_postgresql_the_first_to_ask_is_answered(
    own_postgresql: Postgresql,
) -> None:
    async with open_store(PostgresqlUrl(own_postgresql.new_database()), SEAL) as store:
        async with store.reading() as connection:
            await connection.scalar(text("SELECT 1"))
        await asyncio.to_thread(own_postgresql.stop)
        with pytest.raises(Unavailable):
            async with store.reading():
                pass
        await asyncio.to_thread(own_postgresql.launch)
        async with store.writing() as tx:
            assert await tx.scalar(text("SELECT 1")) == 1


async def test_what_must_be_stored_waits_until_postgresql_is_back(
    own_postgresql: Postgresql,
) -> None:
    async with open_store(PostgresqlUrl(own_postgresql.new_database()), SEAL) as store:
        own_postgresql.crash()

        async def work(tx: AsyncConnection) -> int:
            return int(await tx.scalar(text("SELECT 1")) or 0)

        waiting = asyncio.create_task(store.write_surely(work))
        await asyncio.to_thread(own_postgresql.launch)
        assert await waiting == 1


@pytest.mark.parametrize(
    "place",
    [
        "127.0.0.1:{closed}/heliograph",
        "127.0.0.1:{port}/nowhere",
        "127.0.0.1:{port}/postgres?sslmode=require",
        "127.0.0.1:{port}/postgres?sslmode=nonsense",
        "127.0.0.1:{port}/postgres?nonsense=1",
    ],
)
async def test_a_database_that_can_not_be_reached_so_is_told_without_the_password(
    postgresql: Postgresql, place: str
) -> None:
    where = place.format(closed=free_port(), port=postgresql.port)
    url = parse_postgresql_url(f"postgresql://postgres:secret-password@{where}")
    with pytest.raises(Misconfigured, match=r"can't be opened: .+") as refused:
        async with open_store(url, SEAL):
            pass
    assert where.partition("?")[0] in str(refused.value)
    assert "HELIOGRAPH_DATABASE_URL" in str(refused.value)
    assert "secret-password" not in str(refused.value) + repr(url)


@pytest.mark.parametrize(
    "text",
    [
        "mysql://user:hunter2@host/database",
        "postgresql://user:hunter2@host",
        "postgresql://user:hunter2@host/",
        "postgresql://user:hunter2/@host/database",
        "postgresql://user:hunter2#@host/database",
        "postgresql://user:hunter2?@host/database",
        "postgresql://user:hunter2/database",
        "postgresql://[user:hunter2@host/database",
        "hunter2",
    ],
)
def test_a_url_that_would_show_its_password_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match="percent-encoded") as refused:
        parse_postgresql_url(text)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("postgresql://user:hunter2@host/database", "host/database"),
        ("postgres://user@host:5433/database?sslmode=require", "host:5433/database"),
        ("postgresql://user:a%40b@one:1,two:2/database", "one:1,two:2/database"),
        ("postgresql://user:hunter2@[::1]:5432/database", "[::1]:5432/database"),
        ("postgresql:///database?host=/run/postgresql", "local/database"),
    ],
)
def test_a_url_is_named_by_its_host_and_database(text: str, name: str) -> None:
    assert parse_postgresql_url(text).name == name
