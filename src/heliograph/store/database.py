"""What the store asks of a database, and the address of one that is elsewhere.

There are two: SQLite, a file in the data directory, and PostgreSQL, for more than one machine.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_Result = TypeVar("_Result")
_Work = Callable[[AsyncConnection], Awaitable[_Result]]
_SCHEMES = ("postgresql", "postgres")


class PostgresqlUrl:
    """Where a PostgreSQL database is, and the password for it, which it does not show."""

    def __init__(self, value: str) -> None:
        self.value = value

    @property
    def name(self) -> str:
        """Host and database, for messages."""
        parts = urlsplit(self.value)
        return f"{parts.netloc.rpartition('@')[2] or 'local'}{parts.path}"

    def __repr__(self) -> str:
        return f"PostgresqlUrl({self.name})"


def parse_postgresql_url(text: str) -> PostgresqlUrl:
    """An address as PostgreSQL's own programs take it. Raises ValueError that doesn't show it.

    What would end up in the wrong part, and from there in a message, is refused: a password with
    characters that must be percent-encoded.
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    hosts = parts.netloc.rpartition("@")[2]
    rest = parts.path + parts.query + parts.fragment
    if (
        parts.scheme not in _SCHEMES
        or len(parts.path) < len("/d")
        or "@" in rest
        or not all(map(_is_host, hosts.split(",")))
    ):
        raise ValueError(
            "must be like postgresql://user:password@host/database,"
            " with special characters in the password percent-encoded"
        )
    return PostgresqlUrl(text)


def _is_host(text: str) -> bool:
    """A name or address, perhaps with a port; an IPv6 address is in brackets."""
    _, colon, port = text.rpartition("]")[2].rpartition(":")
    return not colon or port.isdecimal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found of a database. remedy: how to mend it; None if there is nothing to mend."""

    found: str
    remedy: str | None = None


class Database(Protocol):
    """How a kind of database is read and written, and what its errors mean.

    A writer's transaction sees what others have committed before each of its statements. On SQLite
    it is the only one; on PostgreSQL a rule holds if one statement checks it and makes it so, or if
    the row that it is about is locked first. Rows are locked in one order, so that two transactions
    don't wait for each other: instance, quarantine, devices in the order of their ids, the rest.
    """

    name: str
    """For messages: no password is in it."""
    remedy: str
    """What to look at if it can't be opened."""
    reader: AsyncEngine
    """Its transactions see one state of the database, and change nothing."""
    writer: AsyncEngine
    migrator: AsyncEngine
    """A writer whose statements may take their time."""

    async def read(self, work: _Work[_Result]) -> _Result:
        """Do the work with a connection that sees one state of the database."""

    async def write(self, work: _Work[_Result]) -> _Result:
        """Do the work in a transaction, which is on disk when this returns."""

    def is_away(self, error: Exception) -> bool:
        """Whether the same may succeed if it is tried again: the database is away, or busy."""

    def is_conflict(self, error: BaseException | None) -> bool:
        """Whether a transaction beside this one was in its way, and is so no longer."""

    async def be_alone(self, tx: AsyncConnection) -> None:
        """Wait until no other transaction that asked for this runs, here or on other machines."""

    async def examine(self, connection: AsyncConnection) -> Examined:
        """Look whether it is sound, and keeps what it is given."""

    async def survey(self) -> None:
        """Let it see how its rows are spread, if the ways that it finds to them depend on that."""

    async def close(self) -> None: ...
