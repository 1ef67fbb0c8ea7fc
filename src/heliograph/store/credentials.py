"""Credentials: what each instance sends with. The browsers' keys are beside the rest of theirs."""

import secrets
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.credential import Credential, Held, VapidKey, WebIdentity
from heliograph.model.device import Platform
from heliograph.model.errors import NotFound
from heliograph.model.ids import InstanceId
from heliograph.store.schema import credentials, pauses, vapid_keys
from heliograph.store.sealed import Seal


async def find(
    tx: AsyncConnection, seal: Seal, instance_id: InstanceId, platform: Platform
) -> Held | None:
    """The credential that is to be used now; None if there is none."""
    asked = {"of_instance": instance_id, "of_platform": platform}
    row = (await tx.execute(_FOUND, asked)).first()
    stored: Credential | None = None
    if row is not None:
        opened = seal.open(row.sealed, _purpose(instance_id, platform))
        stored = msgspec.json.decode(opened, type=Credential)
    stored_id = "" if row is None else str(row.id)
    if platform is not Platform.WEB:
        return None if stored is None else Held(id=stored_id, platform=platform, credential=stored)
    keys = await _vapid_keys(tx, seal, instance_id)
    if not keys:
        return None
    subject = stored.subject if isinstance(stored, WebIdentity) else None
    held_id = f"{stored_id}:{keys[0].public_key}:{len(keys)}"
    return Held(id=held_id, platform=platform, credential=WebIdentity(subject=subject, keys=keys))


# Built once: to build it costs more than to run it.
_FOUND = select(credentials).where(
    credentials.c.instance_id == bindparam("of_instance"),
    credentials.c.platform == bindparam("of_platform"),
)


async def put(
    tx: AsyncConnection,
    seal: Seal,
    instance_id: InstanceId,
    platform: Platform,
    credential: Credential,
    *,
    now: datetime,
) -> None:
    """Use the credential from now on. What was paused for the old one goes on.

    Of a web identity only the subject is stored: its keys are added one by one.
    """
    if isinstance(credential, WebIdentity):
        credential = WebIdentity(subject=credential.subject, keys=())
    row = {
        "instance_id": instance_id,
        "platform": platform,
        "id": secrets.token_hex(8),
        "sealed": seal.close(msgspec.json.encode(credential), _purpose(instance_id, platform)),
        "created_at": now,
    }
    changed = {name: row[name] for name in ("id", "sealed", "created_at")}
    known = list(credentials.primary_key)
    statement = insert(credentials).values(row)
    await tx.execute(statement.on_conflict_do_update(index_elements=known, set_=changed))
    await _forget_pause(tx, instance_id, platform)


async def remove(tx: AsyncConnection, instance_id: InstanceId, platform: Platform) -> None:
    """Raises NotFound."""
    removed = await tx.execute(delete(credentials).where(_one(instance_id, platform)))
    if removed.rowcount == 0:
        raise NotFound(f"credential for {platform}")
    await _forget_pause(tx, instance_id, platform)


async def add_vapid_key(
    tx: AsyncConnection, seal: Seal, instance_id: InstanceId, key: VapidKey, *, now: datetime
) -> None:
    """Let browsers subscribe with this key from now on; a known one becomes the newest again."""
    row = {
        "instance_id": instance_id,
        "public_key": key.public_key,
        "sealed": seal.close(key.private_pem, _vapid_purpose(instance_id)),
        "created_at": now,
    }
    known = list(vapid_keys.primary_key)
    again = {"created_at": now}
    statement = insert(vapid_keys).values(row)
    await tx.execute(statement.on_conflict_do_update(index_elements=known, set_=again))
    await _forget_pause(tx, instance_id, Platform.WEB)


async def vapid_public_key(tx: AsyncConnection, instance_id: InstanceId) -> str:
    """What a browser is given as applicationServerKey. Raises NotFound."""
    return (await vapid_public_keys(tx, instance_id))[0]


async def vapid_public_keys(tx: AsyncConnection, instance_id: InstanceId) -> list[str]:
    """All that browsers may have subscribed with, newest first. Raises NotFound."""
    newest_first = _newest_first(instance_id).with_only_columns(vapid_keys.c.public_key)
    public_keys = list(await tx.scalars(newest_first))
    if not public_keys:
        raise NotFound("instance")
    return public_keys


async def check_seal(tx: AsyncConnection, seal: Seal) -> None:
    """Raises Misconfigured if the secrets that there are were sealed with another master key."""
    # Every instance has such a key from the first.
    row = (await tx.execute(select(vapid_keys).limit(1))).first()
    if row is not None:
        seal.open(row.sealed, _vapid_purpose(row.instance_id))


async def _vapid_keys(
    tx: AsyncConnection, seal: Seal, instance_id: InstanceId
) -> tuple[VapidKey, ...]:
    rows = await tx.execute(_newest_first(instance_id))
    purpose = _vapid_purpose(instance_id)
    return tuple(VapidKey(row.public_key, seal.open(row.sealed, purpose)) for row in rows)


def _newest_first(instance_id: InstanceId) -> Select[Any]:
    order = vapid_keys.c.created_at.desc(), vapid_keys.c.public_key
    return select(vapid_keys).where(vapid_keys.c.instance_id == instance_id).order_by(*order)


async def _forget_pause(tx: AsyncConnection, instance_id: InstanceId, platform: Platform) -> None:
    paused = and_(pauses.c.instance_id == instance_id, pauses.c.platform == platform)
    await tx.execute(delete(pauses).where(paused))


def _one(instance_id: InstanceId, platform: Platform) -> ColumnElement[bool]:
    return and_(credentials.c.instance_id == instance_id, credentials.c.platform == platform)


def _purpose(instance_id: InstanceId, platform: Platform) -> str:
    return f"credentials/{instance_id}/{platform}"


def _vapid_purpose(instance_id: InstanceId) -> str:
    return f"vapid_keys/{instance_id}"
