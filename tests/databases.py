"""The databases that the store runs on, for tests that are to hold on each of them.

`database` is an empty one, `store` an open one, which on PostgreSQL is shared: what a test does in
it is in an instance of its own. A test that asks for either runs on both kinds.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from heliograph.store.database import PostgresqlUrl
from heliograph.store.engine import Store, open_store
from heliograph.store.sealed import MasterKey, Seal
from tests.postgresql import NotInstalled, Postgresql

KINDS = ("sqlite", "postgresql")
SEAL = Seal(MasterKey(bytes(32)))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """One PostgreSQL for all tests that leave it running."""
    with _started() as server:
        yield server


@pytest.fixture
def own_postgresql() -> Iterator[Postgresql]:
    """A PostgreSQL for one test alone, which may stop it."""
    with _started() as server:
        yield server


def _started() -> Postgresql:
    """Skips the test where there is none."""
    try:
        return Postgresql.start()
    except NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def shared_database(postgresql: Postgresql) -> PostgresqlUrl:
    return PostgresqlUrl(postgresql.new_database())


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path | PostgresqlUrl:
    if request.param == "sqlite":
        return tmp_path / "heliograph.db"
    server: Postgresql = request.getfixturevalue("postgresql")
    return PostgresqlUrl(server.new_database())


@pytest.fixture(params=KINDS)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | PostgresqlUrl:
    """Where `store` is."""
    if request.param == "sqlite":
        return tmp_path / "heliograph.db"
    shared: PostgresqlUrl = request.getfixturevalue("shared_database")
    return shared


@pytest.fixture
async def store(where: Path | PostgresqlUrl) -> AsyncIterator[Store]:
    async with open_store(where, SEAL) as opened:
        yield opened
