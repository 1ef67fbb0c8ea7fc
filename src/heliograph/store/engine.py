"""The store: opening a database, reading, writing. What is read and written, its neighbours say."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Self, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.errors import Misconfigured, Unavailable
from heliograph.store.database import Database, Examined, PostgresqlUrl
from heliograph.store.migration import migrate
from heliograph.store.sealed import Seal
from heliograph.store.sqlite import Sqlite
from heliograph.telemetry.meter import Meter
from heliograph.telemetry.watch import UNWATCHED

_TRIES = 5
_DELAYS_S = (0.1, 0.5, 1, 2, 4, 8)
_Result = TypeVar("_Result")
_Work = Callable[[AsyncConnection], Awaitable[_Result]]


class Store:
    """An open database, and the seal for the secrets in it."""

    def __init__(self, database: Database, seal: Seal, meter: Meter = UNWATCHED.meter) -> None:
        self.seal = seal
        self._database = database
        self._meter = meter

    def metered_by(self, meter: Meter) -> Self:
        """The same store, whose transactions are timed."""
        return type(self)(self._database, self.seal, meter)

    @property
    def name(self) -> str:
        """Which database it is, for messages."""
        return self._database.name

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one state of the database. Raises Unavailable."""
        with self._timed("read"):
            async with self._translated(), self._database.reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: all of it is on disk when the block ends, or none of it, if it raises.

        What it must rely on until then, it locks. Raises Unavailable.
        """
        with self._timed("write"):
            async with self._translated(), self._database.writer.begin() as transaction:
                yield transaction

    async def read(self, work: _Work[_Result]) -> _Result:
        """Do the work with a connection that sees one state of the database. Raises Unavailable.

        It awaits nothing but the connection, and is short: others may be done with it. It may be
        done in another thread. Then it costs a fraction of what the same in a block of code does.
        """
        with self._timed("read"):
            async with self._translated():
                return await self._database.read(work)

    async def write(self, work: _Work[_Result]) -> _Result:
        """Do the work in a transaction; again, a few times, if one beside it was in its way.

        As with `read`: it awaits nothing but the connection. All of it is on disk when this
        returns, or none of it, if it raises. Raises Unavailable.
        """
        for _ in range(_TRIES - 1):
            try:
                return await self._write(work)
            except Unavailable as error:
                if not self._database.is_conflict(error.__cause__):
                    raise
        return await self._write(work)

    async def write_surely(self, work: _Work[_Result]) -> _Result:
        """Do the work in a transaction; again, while the database is away or busy, for a while.

        For what can't be left undone without harm, and may be done again: whether a commit that
        was not heard of came to pass, the work must find out itself. Raises Unavailable.
        """
        for delay_s in _DELAYS_S:
            try:
                return await self._write(work)
            except Unavailable:
                await asyncio.sleep(delay_s)
        return await self._write(work)

    @asynccontextmanager
    async def writing_alone(self) -> AsyncIterator[AsyncConnection]:
        """A transaction for as long as it takes, beside no other of this kind on any machine.

        Raises Unavailable.
        """
        async with self._translated(), self._database.migrator.begin() as transaction:
            await self._database.be_alone(transaction)
            yield transaction

    async def examine(self) -> Examined:
        """Look whether the database is sound. Raises Unavailable."""
        async with self.reading() as connection:
            return await self._database.examine(connection)

    async def survey(self) -> None:
        """Let the database see what is in it, after many rows came at once. Raises Unavailable."""
        async with self._translated():
            await self._database.survey()

    async def _write(self, work: _Work[_Result]) -> _Result:
        with self._timed("write"):
            async with self._translated():
                return await self._database.write(work)

    @contextmanager
    def _timed(self, kind: str) -> Iterator[None]:
        began = perf_counter()
        try:
            yield
        finally:
            self._meter.transacted(kind, perf_counter() - began)

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        try:
            yield
        except PoolTimeoutError as error:
            self._meter.store_was_away()
            raise Unavailable("store") from error
        except (DBAPIError, OSError) as error:
            if self._database.is_conflict(error):
                self._meter.conflicted()
            elif self._database.is_away(error):
                self._meter.store_was_away()
            if self._database.is_away(error):
                raise Unavailable("store") from error
            raise


@asynccontextmanager
async def open_store(where: Path | PostgresqlUrl, seal: Seal) -> AsyncIterator[Store]:
    """Bring the database, a file or elsewhere, to the newest schema and open it.

    Raises Misconfigured.
    """
    database = _database(where)
    try:
        try:
            await migrate(database)
        except (DBAPIError, OSError) as error:
            raise Misconfigured(
                f"the database {database.name} can't be opened: {_reason(error)}", database.remedy
            ) from error
        yield Store(database, seal)
    finally:
        await database.close()


def _database(where: Path | PostgresqlUrl) -> Database:
    if isinstance(where, Path):
        return Sqlite(where)
    # Imported here since most commands can do without the driver.
    from heliograph.store.postgresql import Postgresql  # noqa: PLC0415

    return Postgresql(where)


def _reason(error: DBAPIError | OSError) -> str:
    said = error.orig if isinstance(error, DBAPIError) else error
    return str(said) or type(said).__name__
