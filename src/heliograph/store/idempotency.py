"""Idempotency keys: which publish each stands for, for 24 hours. Kept as hashes alone."""

import hashlib
from datetime import datetime

import msgspec
from sqlalchemy import and_, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.ids import IdempotencyKey, InstanceId, PublishId
from heliograph.model.limits import IDEMPOTENCY_TIME
from heliograph.model.publish import Publish
from heliograph.store.schema import idempotency_keys


async def claim(
    tx: AsyncConnection,
    key: IdempotencyKey,
    publish: Publish,
    *,
    webhook_url: str | None = None,
) -> PublishId | None:
    """The id of the publish that the key stands for: this one's if nobody was here before.

    None if it stands for another publish, with other content. Of several that ask at once, one
    writes the row (the key is the primary key), and all read it.
    """
    await prune(tx, publish.instance_id, now=publish.accepted_at)
    key_hash = hashlib.sha256(key.encode()).digest()
    row = {
        "instance_id": publish.instance_id,
        "key_hash": key_hash,
        "content_hash": _content_hash(publish, webhook_url),
        "publish_id": publish.id,
        "accepted_at": publish.accepted_at,
    }
    await tx.execute(insert(idempotency_keys).values(row).on_conflict_do_nothing())
    known = and_(
        idempotency_keys.c.instance_id == publish.instance_id,
        idempotency_keys.c.key_hash == key_hash,
    )
    held = (await tx.execute(select(idempotency_keys).where(known))).one()
    return PublishId(held.publish_id) if held.content_hash == row["content_hash"] else None


async def prune(tx: AsyncConnection, instance_id: InstanceId, *, now: datetime) -> None:
    """Forget the instance's keys whose time is over."""
    mine = idempotency_keys.c.instance_id == instance_id
    over = idempotency_keys.c.accepted_at <= now - IDEMPOTENCY_TIME
    await tx.execute(delete(idempotency_keys).where(mine, over))


def _content_hash(publish: Publish, webhook_url: str | None) -> bytes:
    """Of what is sent to whom, and told where: the same however the body's JSON was written."""
    content: tuple[object, ...] = (publish.audience, publish.payloads)
    if webhook_url is not None:
        # Sealed it is another each time.
        content = (*content, webhook_url)
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).digest()
