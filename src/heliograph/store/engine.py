"""The database: opening it, reading, writing. What is read and written, its neighbours say.

SQLite has one writer at a time. Here that writer is one connection whose transactions begin
IMMEDIATE, so that a rule checked in a transaction still holds when it commits.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from heliograph.model.errors import Misconfigured, Unavailable
from heliograph.store import schema
from heliograph.store.sealed import Seal

_READERS = 4
_WAIT_FOR_CONNECTION_S = 10
_BUSY_TIMEOUT_MS = 5_000
"""How long to wait for another process (a command beside the server) that writes."""


class Store:
    """An open database, and the seal for the secrets in it."""

    def __init__(self, reader: AsyncEngine, writer: AsyncEngine, seal: Seal) -> None:
        self._reader = reader
        self._writer = writer
        self.seal = seal

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one state of the database. Raises Unavailable."""
        with_connection = self._reader.connect()
        async with _translated(), with_connection as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: all of it is on disk when the block ends, or none of it, if it raises.

        Raises Unavailable.
        """
        async with _translated(), self._writer.begin() as transaction:
            yield transaction


@asynccontextmanager
async def open_store(path: Path, seal: Seal) -> AsyncIterator[Store]:
    """Bring the database in the file to the newest schema and open it. Raises Misconfigured."""
    await asyncio.to_thread(_migrate, path)
    reader = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=_READERS, **_POOL)
    writer = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=1, **_POOL)
    _prepare(reader.sync_engine, begin="BEGIN")
    _prepare(writer.sync_engine, begin="BEGIN IMMEDIATE")
    try:
        yield Store(reader, writer, seal)
    finally:
        await reader.dispose()
        await writer.dispose()


_POOL = {
    "max_overflow": 0,
    "pool_timeout": _WAIT_FOR_CONNECTION_S,
    # Parameters are push tokens, user ids and sealed secrets: not for errors, and so not for logs.
    "hide_parameters": True,
}


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (OperationalError, PoolTimeoutError) as error:
        raise Unavailable("store") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("store") from error
        raise


def _prepare(engine: Engine, *, begin: str) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # Python's driver would begin transactions on its own, and late; see `begin` below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin_explicitly(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


_PRAGMAS = (
    f"busy_timeout = {_BUSY_TIMEOUT_MS}",
    "journal_mode = WAL",
    # A commit is on disk before anybody is told: a stop() must survive a power cut.
    "synchronous = FULL",
)


def _migrate(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    _prepare(engine, begin="BEGIN IMMEDIATE")
    try:
        with engine.connect() as connection:
            current = _version_of(connection)
        if current != schema.VERSION:
            _upgrade(engine, path)
    except OperationalError as error:
        raise Misconfigured(
            f"the database {path} can't be opened: {error.orig}",
            "Check that the folder may be written to and that the disk is not full.",
        ) from error
    finally:
        engine.dispose()


def _version_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if version is None else str(version)


def _upgrade(engine: Engine, path: Path) -> None:
    # Imported here since it takes longer than most commands that find nothing to upgrade.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "heliograph:store/migrations")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise Misconfigured(
            f"the database {path} was written by a newer version of Heliograph",
            "Install that version again, or restore the database from before the upgrade.",
        ) from error
