"""PostgreSQL databases whose tables are divided into partitions from the first."""

from collections.abc import Mapping

from sqlalchemy import Connection, MetaData, text

from heliograph.store import schema
from heliograph.store.database import PostgresqlUrl
from heliograph.store.postgresql import Postgresql
from heliograph.store.schema import owner_in

PARTITIONS = 3

Layout = Mapping[str, str]
"""By table, the columns whose hash says into which partition a row goes."""

BY_INSTANCE: Layout = {table.name: owner_in(table).name for table in schema.metadata.sorted_tables}
BY_DEVICE: Layout = {
    **BY_INSTANCE,
    "subscriptions": "instance_id, device_id",
    "quarantine": "instance_id, id",
    "reports": "instance_id, device_id",
    "device_slots": "instance_id, user_id",
}
"""The large tables, except devices, divide what one instance has, too."""


async def partitioned(url: PostgresqlUrl, layout: Layout) -> None:
    """Make the tables in an empty database."""
    database = Postgresql(url)
    try:
        async with database.migrator.begin() as tx:
            await tx.run_sync(_create, layout)
    finally:
        await database.close()


def _create(connection: Connection, layout: Layout) -> None:
    divided = MetaData(naming_convention=schema.metadata.naming_convention)
    for table in schema.metadata.sorted_tables:
        copy = table.to_metadata(divided)
        copy.dialect_options["postgresql"]["partition_by"] = f"HASH ({layout[table.name]})"
    divided.create_all(connection)
    for name in divided.tables:
        for remainder in range(PARTITIONS):
            values = f"FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {remainder})"
            part = f"CREATE TABLE {name}_{remainder} PARTITION OF {name} {values}"
            connection.execute(text(part))
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
    connection.execute(
        text("INSERT INTO alembic_version VALUES (:version)"), {"version": schema.VERSION}
    )
