"""What webhooks are told of: each event becomes calls in the transaction that makes it true.

So none is lost, and none told twice: those transactions are done once, however often a message
comes. With no webhook to tell, all of this is one look into a small index.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, bindparam, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.event import Event
from heliograph.model.ids import InstanceId, PublishId, UserId
from heliograph.model.publish import AudienceKind, Publish, kind_of, names_in
from heliograph.model.webhook import (
    EVENT_OF,
    CallbackStatus,
    CallId,
    WebhookEvent,
    finished_id,
    new_call_id,
    started_id,
)
from heliograph.model.webhook_body import (
    attempt_payload,
    body_of,
    finished_body,
    report_payload,
    started_body,
)
from heliograph.store import verdicts, webhook_calls, webhooks
from heliograph.store.schema import publish_counts
from heliograph.store.schema import webhook_calls as calls_table
from heliograph.store.webhooks import Subscribed


async def publish_begun(tx: AsyncConnection, publish: Publish, *, now: datetime) -> None:
    """Tell the publish's own receiver, if it has one; and leave a place to tell it of its end."""
    if publish.callback is None:
        return
    started = started_id(publish.id)
    audience: dict[str, Any] = {kind_of(publish.audience): names_in(publish.audience)}
    request_body = audience | {str(platform): part for platform, part in publish.payloads.items()}
    row = {
        "instance_id": publish.instance_id,
        "receiver": publish.callback.receiver,
        "sealed_url": publish.callback.sealed_url,
        "body": started_body(publish.id, request_body),
        "created_at": now,
    }
    first = {**row, "id": started, "event": CallbackStatus.STARTED, "due_at": now}
    last = {"id": finished_id(started), "event": CallbackStatus.WAITING, "due_at": None}
    await webhook_calls.add_all(tx, [first, {**row, **last}])


async def publish_finished(
    tx: AsyncConnection,
    instance_id: InstanceId,
    publish_id: PublishId,
    audience: AudienceKind,
    names: str,
    *,
    now: datetime,
) -> None:
    """Tell what became of it: of one to users all that want to know, of others its own receiver.

    names: as they are stored of it.
    """
    if audience is AudienceKind.INTERESTS:
        await _call_back(tx, instance_id, publish_id, now=now)
        return
    told = await webhooks.subscribed(tx, instance_id)
    if not any(WebhookEvent.ATTEMPT in webhook.events for webhook in told):
        return
    users = msgspec.json.decode(names, type=list[UserId])
    reached = await verdicts.reached_users(tx, instance_id, publish_id)
    payload = attempt_payload(instance_id, publish_id, users, reached)
    await _tell(tx, instance_id, told, WebhookEvent.ATTEMPT, payload, now=now)


async def users_reported(
    tx: AsyncConnection,
    instance_id: InstanceId,
    counted: Iterable[tuple[Event, UserId | None]],
    *,
    now: datetime,
) -> None:
    """Tell what devices have reported, which was counted for the first time.

    counted: with the user that the device is tied to, which is who the event is of. If the report
    names another, neither is proven, and nothing is told.
    """
    proven = [
        (event, user_id)
        for event, user_id in counted
        if user_id is not None and event.user_id in {None, user_id}
    ]
    told = await webhooks.subscribed(tx, instance_id) if proven else []
    for event, user_id in proven:
        kind = EVENT_OF[event.kind]
        if any(kind in webhook.events for webhook in told):
            payload = report_payload(instance_id, event.publish_id, user_id)
            await _tell(tx, instance_id, told, kind, payload, now=now)


async def _tell(
    tx: AsyncConnection,
    instance_id: InstanceId,
    told: Sequence[Subscribed],
    event: WebhookEvent,
    payload: Mapping[str, Any],
    *,
    now: datetime,
) -> None:
    event_id = str(uuid.uuid4())
    rows = [
        {
            "instance_id": instance_id,
            "id": new_call_id(),
            "receiver": webhook.id,
            "webhook_id": webhook.id,
            "event": event,
            "body": body_of(event, event_id, payload, webhook.custom_data, created_at=now),
            "created_at": now,
            "due_at": now,
        }
        for webhook in told
        if event in webhook.events
    ]
    await webhook_calls.add_all(tx, rows)


async def _call_back(
    tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId, *, now: datetime
) -> None:
    """Let the place that was left become a call, which is due when the first is done with."""
    started = started_id(publish_id)
    chosen = {"of_instance": instance_id, "call": finished_id(started)}
    row = (await tx.execute(_WAITING, chosen)).first()
    if row is None:
        return
    pending = exists().where(_one(instance_id, started), calls_table.c.due_at.is_not(None))
    is_first_pending = bool(await tx.scalar(select(pending)))
    call = {
        "event": CallbackStatus.FINISHED,
        "body": finished_body(row.body, await _counts(tx, instance_id, publish_id)),
        "due_at": None if is_first_pending else now,
    }
    mine = _one(instance_id, finished_id(started))
    await tx.execute(update(calls_table).where(mine).values(call))


async def _counts(
    tx: AsyncConnection, instance_id: InstanceId, publish_id: PublishId
) -> dict[str, dict[str, int]]:
    names = publish_counts.c.platform, publish_counts.c.name
    summed = (
        select(*names, func.sum(publish_counts.c.number).label("number"))
        .where(
            publish_counts.c.instance_id == instance_id,
            publish_counts.c.publish_id == publish_id,
        )
        .group_by(*names)
    )
    counts: dict[str, dict[str, int]] = {}
    for row in await tx.execute(summed):
        counts.setdefault(row.platform, {})[row.name] = int(row.number)
    return counts


def _one(instance_id: InstanceId, call_id: CallId) -> ColumnElement[bool]:
    return and_(calls_table.c.instance_id == instance_id, calls_table.c.id == call_id)


# Built once: to build it costs more than to run it. Locked, as webhook_calls.py says why.
_WAITING = (
    select(calls_table.c.body)
    .where(
        calls_table.c.instance_id == bindparam("of_instance"),
        calls_table.c.id == bindparam("call"),
    )
    .with_for_update()
)
