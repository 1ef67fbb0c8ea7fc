"""SQLite's works: a whole transaction in one visit to a thread, and all that wait in one together.

A statement that is awaited costs a switch to a thread and back, and what keeps track of that:
together five times what the statement takes. So a work is done from its first statement to its last
in a thread, where nothing has to be waited for. Works that wait while others are done are done
together next: then they share one commit, and one sync to the disk, before any of them is answered.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from sqlalchemy import CursorResult, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_MOST_AT_ONCE = 32
"""So many keep the others from the disk, and the answer to the first, for some milliseconds."""
_Result = TypeVar("_Result")
_Work = Callable[[AsyncConnection], Awaitable[_Result]]


class Groups:
    """Does works in threads, each a group of them in one transaction.

    engine: of SQLite's own driver, with a connection for each thread. shown_as: the engine that
    works are told they use. A work sees all that was committed before it was asked for.
    """

    def __init__(self, engine: Engine, shown_as: AsyncEngine, threads: int) -> None:
        self._engine = engine
        self._shown_as = shown_as
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="sqlite")
        self._free = threads
        self._waiting = deque[_Asked]()

    async def do(self, work: _Work[_Result]) -> _Result:
        """Do the work. It awaits nothing but its connection; what it returns is on disk."""
        asked = _Asked(work)
        self._waiting.append(asked)
        self._go_on()
        return cast("_Result", await asked.answer)

    async def close(self) -> None:
        """End when all is done that was asked for."""
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    def _go_on(self) -> None:
        if self._waiting and self._free:
            self._free -= 1
            self._threads.submit(self._visit, asyncio.get_running_loop())

    def _visit(self, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread: do what waits by now."""
        group = self._taken()
        try:
            self._do(group)
        except Exception as error:  # noqa: BLE001  # those who wait are told
            for asked in group:
                asked.failed(error)
        loop.call_soon_threadsafe(self._answer, group)

    def _taken(self) -> list["_Asked"]:
        """All before the transaction begins, so that it sees what they may rely on."""
        group: list[_Asked] = []
        while self._waiting and len(group) < _MOST_AT_ONCE:
            try:
                group.append(self._waiting.popleft())
            except IndexError:
                break  # another thread was faster
        return [asked for asked in group if not asked.answer.done()]

    def _do(self, group: list["_Asked"]) -> None:
        if not group:
            return
        with self._engine.begin() as connection:
            driver: Any = connection.connection.driver_connection
            shown = _AtOnce(self._shown_as, connection)
            for asked in group:
                driver.execute("SAVEPOINT work")
                try:
                    asked.do(shown)
                except Exception as error:
                    if not driver.in_transaction:
                        # On a full disk, for one, SQLite undoes what all have written.
                        raise
                    driver.execute("ROLLBACK TO work")
                    asked.failed(error)
                driver.execute("RELEASE work")

    def _answer(self, group: list["_Asked"]) -> None:
        self._free += 1
        for asked in group:
            asked.tell()
        self._go_on()


class _AtOnce(AsyncConnection):
    """A connection that has its answers before they are awaited."""

    async def execute(
        self, statement: Any, parameters: Any = None, *, execution_options: Any = None
    ) -> CursorResult[Any]:
        return self._proxied.execute(statement, parameters, execution_options=execution_options)


class _Asked:
    """A work, and who waits for it."""

    def __init__(self, work: _Work[Any]) -> None:
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._work = work
        self._result: Any = None
        self._error: Exception | None = None

    def do(self, connection: AsyncConnection) -> None:
        """Raises what the work raises."""
        doing = cast("Coroutine[Any, Any, Any]", self._work(connection))
        try:
            doing.send(None)
        except StopIteration as done:
            self._result = done.value
        else:
            doing.close()
            raise RuntimeError("a work awaits nothing but its connection")

    def failed(self, error: Exception) -> None:
        self._error = error

    def tell(self) -> None:
        if self.answer.done():
            return  # called off; it is as if its answer had been lost
        if self._error is None:
            self.answer.set_result(self._result)
        else:
            self.answer.set_exception(self._error)
