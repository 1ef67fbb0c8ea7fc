"""Instances and their secret keys."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.credential import VapidKey
from heliograph.model.errors import Invalid, NotFound
from heliograph.model.ids import InstanceId
from heliograph.model.instance import Instance, SecretKey
from heliograph.store import credentials, schema
from heliograph.store.schema import batches, devices, instances, quarantine, secret_keys
from heliograph.store.sealed import Seal


async def create(tx: AsyncConnection, seal: Seal, instance: Instance, vapid: VapidKey) -> None:
    """With the key that its browsers subscribe with. Raises Invalid if the id is taken."""
    row = {"id": instance.id, "name": instance.name, "created_at": instance.created_at}
    statement = insert_or(instances).values(row).on_conflict_do_nothing()
    if (await tx.execute(statement)).rowcount == 0:
        raise Invalid("id", f"there is an instance {instance.id} already")
    await credentials.add_vapid_key(tx, seal, instance.id, vapid, now=instance.created_at)


async def find(tx: AsyncConnection, instance_id: InstanceId) -> Instance:
    """Raises NotFound."""
    row = (await tx.execute(_FOUND, {"of_instance": instance_id})).first()
    if row is None:
        raise NotFound("instance")
    return Instance(id=row.id, name=row.name, created_at=row.created_at)


# These are built once: to build one costs more than to run it.
_FOUND = select(instances).where(instances.c.id == bindparam("of_instance"))


async def hold(tx: AsyncConnection, instance_id: InstanceId) -> bool:
    """Keep the instance from being deleted until the transaction ends. False if there is none.

    What is added to it without would be left behind.
    """
    return await tx.scalar(_HELD, {"of_instance": instance_id}) is not None


_HELD = (
    select(instances.c.id)
    .where(instances.c.id == bindparam("of_instance"))
    .with_for_update(read=True, key_share=True)
)


async def all_of_them(tx: AsyncConnection) -> list[Instance]:
    """In the order they were made."""
    rows = await tx.execute(select(instances).order_by(instances.c.created_at, instances.c.id))
    return [Instance(id=row.id, name=row.name, created_at=row.created_at) for row in rows]


async def remove(tx: AsyncConnection, instance_id: InstanceId) -> None:
    """The instance and all that belongs to it. Raises NotFound."""
    # First the instance: what is added to it is added while it is held, or while a batch's row is
    # changed that was there before. Then in the order in which others lock.
    first = (instances, quarantine, devices, batches)
    rest = [table for table in schema.metadata.sorted_tables if table not in first]
    for table in (*first, *rest):
        removed = await tx.execute(delete(table).where(schema.owner_in(table) == instance_id))
        if table is instances and removed.rowcount == 0:
            raise NotFound("instance")


async def keys_of(tx: AsyncConnection, seal: Seal, instance_id: InstanceId) -> Sequence[SecretKey]:
    """The secret keys that are active, oldest first. Raises NotFound for an unknown instance."""
    rows = (await tx.execute(_KEYS, {"of_instance": instance_id})).all()
    if not rows:
        raise NotFound("instance")
    return [
        SecretKey(
            id=row.id,
            value=seal.open(row.sealed, _key_purpose(instance_id, row.id)).decode(),
            created_at=row.created_at,
        )
        for row in rows
        if row.id is not None
    ]


_KEYS = (
    select(instances.c.id.label("instance"), secret_keys)
    .outerjoin(secret_keys, secret_keys.c.instance_id == instances.c.id)
    .where(instances.c.id == bindparam("of_instance"))
    .order_by(secret_keys.c.created_at, secret_keys.c.id)
)


async def add_key(
    tx: AsyncConnection,
    seal: Seal,
    instance_id: InstanceId,
    value: str,
    *,
    now: datetime,
) -> SecretKey:
    """One more active secret key beside those there are. Raises NotFound."""
    if not await hold(tx, instance_id):
        raise NotFound("instance")
    key = SecretKey(id=secrets.token_hex(8), value=value, created_at=now)
    await tx.execute(
        insert(secret_keys).values(
            instance_id=instance_id,
            id=key.id,
            sealed=seal.close(value.encode(), _key_purpose(instance_id, key.id)),
            created_at=now,
        )
    )
    return key


async def revoke_key(tx: AsyncConnection, instance_id: InstanceId, key_id: str) -> None:
    """From now on the key proves nothing. Raises NotFound."""
    chosen = (secret_keys.c.instance_id == instance_id) & (secret_keys.c.id == key_id)
    if (await tx.execute(delete(secret_keys).where(chosen))).rowcount == 0:
        raise NotFound("secret key")


def _key_purpose(instance_id: InstanceId, key_id: str) -> str:
    return f"secret_keys/{instance_id}/{key_id}"
