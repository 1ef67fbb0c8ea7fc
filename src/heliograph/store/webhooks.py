"""Webhooks of each instance: where its events are told. URL and secret are sealed together."""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.errors import NotFound
from heliograph.model.ids import InstanceId
from heliograph.model.webhook import Webhook, WebhookEvent, WebhookId
from heliograph.store import instances
from heliograph.store.schema import webhook_calls, webhooks
from heliograph.store.sealed import Seal


class Subscribed(msgspec.Struct, frozen=True):
    """A webhook, and of what it wants to be told."""

    id: WebhookId
    events: tuple[WebhookEvent, ...]
    custom_data: msgspec.Raw


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    url: str
    secret: str


async def add(tx: AsyncConnection, seal: Seal, instance_id: InstanceId, webhook: Webhook) -> None:
    """Tell it the instance's events from now on. Raises NotFound."""
    if not await instances.hold(tx, instance_id):
        raise NotFound("instance")
    secret = msgspec.json.encode(_Sealed(webhook.url, webhook.secret))
    row = {
        "instance_id": instance_id,
        "id": webhook.id,
        "sealed": seal.close(secret, _purpose(instance_id, webhook.id)),
        "events": msgspec.json.encode(webhook.events).decode(),
        "custom_data": msgspec.json.encode(webhook.custom_data).decode(),
        "created_at": webhook.created_at,
    }
    await tx.execute(insert(webhooks).values(row))


async def all_of(tx: AsyncConnection, seal: Seal, instance_id: InstanceId) -> list[Webhook]:
    """In the order they were added."""
    mine = select(webhooks).where(webhooks.c.instance_id == instance_id)
    rows = await tx.execute(mine.order_by(webhooks.c.created_at, webhooks.c.id))
    return [_webhook_of(row, seal) for row in rows]


async def find(
    tx: AsyncConnection, seal: Seal, instance_id: InstanceId, webhook_id: str
) -> Webhook | None:
    """None if there is none, or none any more."""
    row = (await tx.execute(select(webhooks).where(_one(instance_id, webhook_id)))).first()
    return None if row is None else _webhook_of(row, seal)


async def remove(tx: AsyncConnection, instance_id: InstanceId, webhook_id: str) -> None:
    """With all calls that it has not taken. Raises NotFound."""
    removed = await tx.execute(delete(webhooks).where(_one(instance_id, webhook_id)))
    if removed.rowcount == 0:
        raise NotFound("webhook")
    # What a transaction beside this one adds is forgotten when it is due.
    waiting = and_(
        webhook_calls.c.instance_id == instance_id, webhook_calls.c.receiver == webhook_id
    )
    await tx.execute(delete(webhook_calls).where(waiting))


async def subscribed(tx: AsyncConnection, instance_id: InstanceId) -> list[Subscribed]:
    """All of them, without their secrets: few rows, mostly none."""
    rows = await tx.execute(_EVENTS, {"of_instance": instance_id})
    return [
        Subscribed(row.id, _events_in(row.events), msgspec.Raw(row.custom_data.encode()))
        for row in rows
    ]


# Built once: to build it costs more than to run it.
_EVENTS = (
    select(webhooks.c.id, webhooks.c.events, webhooks.c.custom_data)
    .where(webhooks.c.instance_id == bindparam("of_instance"))
    .order_by(webhooks.c.id)
)


def _one(instance_id: InstanceId, webhook_id: str) -> ColumnElement[bool]:
    return and_(webhooks.c.instance_id == instance_id, webhooks.c.id == webhook_id)


def _webhook_of(row: Row[Any], seal: Seal) -> Webhook:
    opened = seal.open(row.sealed, _purpose(row.instance_id, row.id))
    known = msgspec.json.decode(opened, type=_Sealed)
    return Webhook(
        id=WebhookId(row.id),
        url=known.url,
        secret=known.secret,
        events=_events_in(row.events),
        custom_data=msgspec.json.decode(row.custom_data),
        created_at=row.created_at,
    )


def _events_in(text: str) -> tuple[WebhookEvent, ...]:
    return msgspec.json.decode(text, type=tuple[WebhookEvent, ...])


def _purpose(instance_id: InstanceId, webhook_id: str) -> str:
    return f"webhooks/{instance_id}/{webhook_id}"
