"""PostgreSQL: a database that several machines share.

Writers are READ COMMITTED: each statement sees what is committed, and a conditional UPDATE, or an
INSERT that conflicts, waits for the row it is about and looks again. At a higher level the second
of two would fail instead, and have to be tried again. Readers are REPEATABLE READ, for one state.
https://www.postgresql.org/docs/current/transaction-iso.html
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection

from heliograph.store.database import Examined, PostgresqlUrl
from heliograph.store.schema import metadata

_Result = TypeVar("_Result")
_Work = Callable[[AsyncConnection], Awaitable[_Result]]

_CONNECTIONS = 16
_WAIT_FOR_CONNECTION_S = 10
_CONNECT_TIMEOUT_S = 10
_STATEMENT_TIMEOUT_S = 30
_LOCK_TIMEOUT_S = 10
_IDLE_TIMEOUT_S = 60
"""How long a transaction may keep its locks while its server, perhaps frozen, says nothing."""

_ALONE = 0x48454C494F  # "HELIO"
"""The advisory lock of those who must be alone."""

_CONFLICT = ("23505", "40")
"""The same of one that comes of what others did meanwhile: the key is taken, a deadlock."""
_AWAY = (*_CONFLICT, "08", "25006", "28", "3D", "53", "55", "57", "58")
"""What the SQLSTATE of an error that may pass begins with: connection, read-only (a replica, during
a switch), authorization, no such database, resources, locks, shutdown or timeout, disk.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""


class Postgresql:
    """A database on a PostgreSQL server."""

    remedy = "Check --database-url (HELIOGRAPH_DATABASE_URL), and that the database is up."

    def __init__(self, url: PostgresqlUrl) -> None:
        self.name = url.name
        self.writer = _pooled(url)
        self.reader = self.writer.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self.migrator = _patient(url)

    async def read(self, work: _Work[_Result]) -> _Result:
        async with self.reader.connect() as connection:
            return await work(connection)

    async def write(self, work: _Work[_Result]) -> _Result:
        async with self.writer.begin() as transaction:
            return await work(transaction)

    def is_away(self, error: Exception) -> bool:
        if isinstance(error, DBAPIError):
            return error.connection_invalidated or _state(error).startswith(_AWAY)
        # What the network says comes as it is; so does a statement that is not answered in time.
        return isinstance(error, OSError)

    def is_conflict(self, error: BaseException | None) -> bool:
        return isinstance(error, DBAPIError) and _state(error).startswith(_CONFLICT)

    async def be_alone(self, tx: AsyncConnection) -> None:
        await tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ALONE})

    async def examine(self, connection: AsyncConnection) -> Examined:
        version = await connection.scalar(text("SHOW server_version"))
        found = f"PostgreSQL {version} at {self.name}"
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            if await connection.scalar(text(f"SHOW {name}")) == "off":
                remedy = f"Set {name} = on: what a crash loses was promised to be kept."
                return Examined(found=f"{found} has {name} off", remedy=remedy)
        if await connection.scalar(text("SHOW server_encoding")) != "UTF8":
            remedy = "Make the database anew with ENCODING 'UTF8'."
            return Examined(found=f"{found} is not in UTF-8", remedy=remedy)
        return Examined(found=found)

    async def survey(self) -> None:
        """It does so by itself within a minute; until then it takes instances for many and small.

        And looks through all devices of one for each few, as their index is read faster.
        """
        tables = ", ".join(table.name for table in metadata.sorted_tables)
        async with self.migrator.begin() as transaction:
            await transaction.execute(text(f"ANALYZE (SKIP_LOCKED) {tables}"))

    async def close(self) -> None:
        await self.writer.dispose()
        await self.migrator.dispose()


def _state(error: DBAPIError) -> str:
    """The error's SQLSTATE; empty if the server didn't say."""
    return getattr(error.orig, "sqlstate", None) or ""


def _pooled(url: PostgresqlUrl) -> AsyncEngine:
    settings = {
        "statement_timeout": f"{_STATEMENT_TIMEOUT_S}s",
        "lock_timeout": f"{_LOCK_TIMEOUT_S}s",
        "idle_in_transaction_session_timeout": f"{_IDLE_TIMEOUT_S}s",
    }

    async def connect() -> Any:
        # The server ends a statement that takes too long; if it is not heard of, we do.
        return await _connect(url, settings, command_timeout=_STATEMENT_TIMEOUT_S + 5)

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        isolation_level="READ COMMITTED",
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=_WAIT_FOR_CONNECTION_S,
        # Parameters are push tokens, user ids and sealed secrets: not for errors, nor for logs.
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "checkout")
    def refuse_closed(
        _connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
    ) -> None:
        # The driver hears of a server that went away, also while nobody uses the connection.
        if entry.driver_connection is not None and entry.driver_connection.is_closed():
            raise InvalidatePoolError

    return engine


def _patient(url: PostgresqlUrl) -> AsyncEngine:
    async def connect() -> Any:
        return await _connect(url, {}, command_timeout=None)

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        isolation_level="READ COMMITTED",
        poolclass=NullPool,
        hide_parameters=True,
    )


async def _connect(
    url: PostgresqlUrl, settings: dict[str, str], *, command_timeout: float | None
) -> Any:
    """The driver reads the URL itself: several hosts, sslmode and the like, as libpq has them."""
    return await asyncpg.connect(
        url.value,
        timeout=_CONNECT_TIMEOUT_S,
        command_timeout=command_timeout,
        # Statements here are short: to compile them takes longer than to run them.
        server_settings={"application_name": "heliograph", "jit": "off", **settings},
    )
