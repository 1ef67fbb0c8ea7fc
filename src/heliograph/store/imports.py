"""Imports: how far that of each file has come. One that is done leaves nothing behind."""

import msgspec
from sqlalchemy import ColumnElement, and_, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.ids import InstanceId
from heliograph.model.transfer import Progress
from heliograph.store.schema import imports


async def find(tx: AsyncConnection, instance_id: InstanceId, path: str) -> Progress | None:
    """None if no import of the file has begun, or the last one is done."""
    chosen = select(imports.c.progress).where(_one(instance_id, path))
    stored = await tx.scalar(chosen)
    return None if stored is None else msgspec.msgpack.decode(stored, type=Progress)


async def put(tx: AsyncConnection, instance_id: InstanceId, path: str, progress: Progress) -> None:
    """Note the progress, in the transaction with what it tells of."""
    row = {
        "instance_id": instance_id,
        "path": path,
        "progress": msgspec.msgpack.encode(progress),
    }
    statement = insert(imports).values(row)
    known, further = list(imports.primary_key), {"progress": row["progress"]}
    await tx.execute(statement.on_conflict_do_update(index_elements=known, set_=further))


async def forget(tx: AsyncConnection, instance_id: InstanceId, path: str) -> None:
    await tx.execute(delete(imports).where(_one(instance_id, path)))


def _one(instance_id: InstanceId, path: str) -> ColumnElement[bool]:
    return and_(imports.c.instance_id == instance_id, imports.c.path == path)
