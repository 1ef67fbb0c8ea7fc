"""Bringing a database to the newest schema: once, however many processes start at the same time."""

from sqlalchemy import Connection, inspect, text

from heliograph.model.errors import Misconfigured
from heliograph.store import schema
from heliograph.store.database import Database


async def migrate(database: Database) -> None:
    """Run the migrations that are missing. Raises Misconfigured for a newer schema than ours."""
    async with database.reader.connect() as connection:
        current = await connection.run_sync(_version_of)
    if current != schema.VERSION:
        async with database.migrator.begin() as tx:
            await database.be_alone(tx)
            await tx.run_sync(_upgrade, database.name)


def _version_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if version is None else str(version)


def _upgrade(connection: Connection, name: str) -> None:
    # Imported here since it takes longer than most commands that find nothing to upgrade.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "heliograph:store/migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise Misconfigured(
            f"the database {name} was written by a newer version of Heliograph",
            "Install that version again, or restore the database from before the upgrade.",
        ) from error
