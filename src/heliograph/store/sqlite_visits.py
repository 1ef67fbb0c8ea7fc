"""SQLite's driver with one visit to its thread for each statement, its rows included.

aiosqlite goes there four times for each: to make a cursor, to execute, to fetch and to close; and
for the beginning and the end of a transaction, too. That was half of what a message cost
(docs/performance.md). Here a transaction begins with its first statement, and what touches no disk
needs no visit.

And with a patience of our own for other processes that write. SQLite's (`busy_timeout`) looks ever
more rarely, at last ten times a second, and hardly ever finds its turn between two transactions of
a busy process. Beside two that never paused, a third waited for 1 s (p99; 1.6 s at most), so for
0.1 to 0.2 s (0.4 s).
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import aiosqlite

_CHUNK = 64
"""aiosqlite's own, for iterating, which nobody does here."""

_PATIENCE_S = 5.0
_LOOK_INTERVAL_S = 0.002
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY)


def connection_to(path: Path) -> aiosqlite.Connection:
    """A connection that opens when it is awaited, for SQLAlchemy's `async_creator`."""
    # One thread at a time uses it: its own during a visit, else the event loop's.
    connect = partial(sqlite3.connect, path, timeout=0, check_same_thread=False)
    connection = _Connection(connect, _CHUNK)
    # As SQLAlchemy has it: a process that ends must not wait for a connection that was forgotten.
    connection._thread.daemon = True  # noqa: SLF001
    return connection


def patient_connection_to(path: Path) -> sqlite3.Connection:
    """A connection for whichever thread has it, as patient as the other."""
    return sqlite3.connect(path, timeout=0, check_same_thread=False, factory=_Patient)


def begin(connection: aiosqlite.Connection, statement: str) -> None:
    """Begin a transaction with this statement, as soon as there is another one."""
    connection.beginning = statement  # type: ignore[attr-defined]


class _Patient(sqlite3.Connection):
    def cursor(self) -> "_PatientCursor":  # type: ignore[override]  # no other kind is asked for
        return super().cursor(_PatientCursor)


class _PatientCursor(sqlite3.Cursor):
    def execute(self, *given: Any) -> Self:
        _when_free(partial(super().execute, *given))
        return self

    def executemany(self, *given: Any) -> Self:
        _when_free(partial(super().executemany, *given))
        return self


class _Connection(aiosqlite.Connection):
    beginning: str | None = None

    def cursor(self) -> "_Cursor":  # type: ignore[override]
        return _Cursor(self)

    async def commit(self) -> None:
        self.beginning = None
        if self.in_transaction:
            await super().commit()

    async def rollback(self) -> None:
        self.beginning = None
        if self.in_transaction:
            # What a reader has read, or a writer has not committed, is in memory.
            self._conn.rollback()


class _Cursor:
    """The part of a cursor that SQLAlchemy uses, with what a statement gave."""

    arraysize = 1
    description: Any = None
    rowcount = -1
    lastrowid: int | None = None

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._rows: Sequence[Any] = ()

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Iterable[Any] = ()) -> None:
        await self._go(sqlite3.Cursor.execute, statement, parameters)

    async def executemany(self, statement: str, parameters: Iterable[Any]) -> None:
        await self._go(sqlite3.Cursor.executemany, statement, parameters)

    async def fetchall(self) -> Sequence[Any]:
        return self._rows

    async def close(self) -> None:
        """It was closed when its rows were fetched."""

    async def _go(self, run: Any, statement: str, parameters: Iterable[Any]) -> None:
        visit: Any = self._connection._execute  # noqa: SLF001
        await visit(self._visit, run, statement, parameters)

    def _visit(self, run: Any, statement: str, parameters: Iterable[Any]) -> None:
        cursor = self._connection._conn.cursor()  # noqa: SLF001
        beginning, self._connection.beginning = self._connection.beginning, None
        try:
            if beginning is not None:
                _when_free(partial(cursor.execute, beginning))
            _when_free(partial(run, cursor, statement, parameters))
            self._rows = cursor.fetchall()
            self.description = cursor.description
            self.rowcount = cursor.rowcount
            self.lastrowid = cursor.lastrowid
        finally:
            cursor.close()


def _when_free(run: Callable[[], object]) -> None:
    """Run it; if another process writes, again until it does not. Raises OperationalError."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            run()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in _BUSY or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(_LOOK_INTERVAL_S)
