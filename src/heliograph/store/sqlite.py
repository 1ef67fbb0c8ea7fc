"""SQLite: a file in the data directory, for one machine.

SQLite has one writer at a time. Here that writer is one connection whose transactions begin
IMMEDIATE, so that a rule checked in a transaction still holds when it commits. For another process
that writes, it waits a while (see sqlite_visits.py). What is asked for as a work has connections of
its own, beside those of blocks of code, which may take their time between two statements.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from heliograph.store.database import Examined
from heliograph.store.sqlite_groups import Groups
from heliograph.store.sqlite_visits import begin as begin_with
from heliograph.store.sqlite_visits import connection_to, patient_connection_to

_READERS = 4
_WAIT_FOR_CONNECTION_S = 10
_BEGIN_READING = "BEGIN"
_BEGIN_WRITING = "BEGIN IMMEDIATE"
_Result = TypeVar("_Result")
_Work = Callable[[AsyncConnection], Awaitable[_Result]]


class Sqlite:
    """A database in a file, which is made if it isn't there."""

    remedy = "Check that the folder may be written to and that the disk is not full."

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.reader = _engine(path, connections=_READERS, begin=_BEGIN_READING)
        self.writer = _engine(path, connections=1, begin=_BEGIN_WRITING)
        self.migrator = self.writer
        self._reads = Groups(
            _works_engine(path, connections=_READERS, begin=_BEGIN_READING),
            self.reader,
            _READERS,
        )
        self._writes = Groups(
            _works_engine(path, connections=1, begin=_BEGIN_WRITING),
            self.writer,
            1,
        )

    async def read(self, work: _Work[_Result]) -> _Result:
        return await self._reads.do(work)

    async def write(self, work: _Work[_Result]) -> _Result:
        return await self._writes.do(work)

    def is_away(self, error: Exception) -> bool:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return True
        return isinstance(error, OperationalError)

    def is_conflict(self, error: BaseException | None) -> bool:
        """There is one writer."""
        return False

    async def be_alone(self, tx: AsyncConnection) -> None:
        """Every writer is, from its first statement on."""
        await tx.execute(text("SELECT 1"))

    async def examine(self, connection: AsyncConnection) -> Examined:
        said = await connection.scalar(text("PRAGMA quick_check(1)"))
        if said == "ok":
            return Examined(found="sound")
        remedy = "Stop the server and restore heliograph.db from a backup."
        return Examined(found=f"damaged: {said}", remedy=remedy)

    async def survey(self) -> None:
        """It goes by the index of which most is given, whatever is in it."""

    async def close(self) -> None:
        await self._reads.close()
        await self._writes.close()
        await self.reader.dispose()
        await self.writer.dispose()


def _engine(path: Path, *, connections: int, begin: str) -> AsyncEngine:
    engine = create_async_engine(
        "sqlite+aiosqlite://",
        async_creator=partial(connection_to, path),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_WAIT_FOR_CONNECTION_S,
        # Parameters are push tokens, user ids and sealed secrets: not for errors, nor for logs.
        hide_parameters=True,
    )
    _prepare(engine.sync_engine)

    @event.listens_for(engine.sync_engine, "begin")
    def begin_explicitly(connection: Connection) -> None:
        begin_with(connection.connection.driver_connection, begin)  # type: ignore[arg-type]

    return engine


def _works_engine(path: Path, *, connections: int, begin: str) -> Engine:
    engine = create_engine(
        "sqlite+pysqlite://",
        creator=partial(patient_connection_to, path),
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
    )
    _prepare(engine)

    @event.listens_for(engine, "begin")
    def begin_explicitly(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _prepare(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # Python's driver would begin transactions on its own, and late; see `begin` below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()


_PRAGMAS = (
    "journal_mode = WAL",
    # A commit is on disk before anybody is told: a stop() must survive a power cut.
    "synchronous = FULL",
)
