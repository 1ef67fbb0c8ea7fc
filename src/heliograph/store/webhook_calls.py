"""Calls to webhooks that are not taken yet: an outbox.

A call is added in the transaction in which its event becomes true (see webhook_events.py), and
leaves when its receiver has taken it. Who makes it leases it for a while, by making it due later;
so of several processes one makes it, and after a crash another. `due_at` is null if the call waits
for its publish to finish, or has failed for good.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Delete,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.model.errors import NotFound
from heliograph.model.ids import InstanceId
from heliograph.model.webhook import (
    Call,
    CallbackStatus,
    CallId,
    WebhookId,
    finished_id,
)
from heliograph.model.webhook_body import (
    callback_body,
)
from heliograph.store import webhooks
from heliograph.store.schema import webhook_calls
from heliograph.store.sealed import Seal

_LEASE = timedelta(seconds=15)
"""Within which a call is made and noted: in three seconds, unless the process is very busy."""
_PRUNED_AT_ONCE = 500


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A call that has failed for good, and is kept to be made again."""

    id: CallId
    webhook_id: WebhookId | None
    event: str
    created_at: datetime
    tries: int
    failed_at: datetime
    failure: str


async def add_all(tx: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """The caller holds the instance, or a batch's row."""
    nothing = {"sealed_url": None, "webhook_id": None, "tries": 0}
    nothing |= {"failed_at": None, "failure": None}
    await tx.execute(_ADD, [{**nothing, **row} for row in rows])


async def receivers_due(
    tx: AsyncConnection, instance_id: InstanceId, *, now: datetime
) -> list[str]:
    """Those with calls that are due, however many these are."""
    return list(await tx.scalars(_RECEIVERS, {"of_instance": instance_id, "at": now}))


async def claim(
    tx: AsyncConnection,
    seal: Seal,
    instance_id: InstanceId,
    receiver: str,
    *,
    limit: int,
    now: datetime,
) -> list[Call]:
    """Lease some of the receiver's calls that are due, the oldest first.

    Calls of a webhook that was removed are forgotten.
    """
    chosen = {"of_instance": instance_id, "to_receiver": receiver, "at": now, "most": limit}
    rows = (await tx.execute(_CLAIMED, chosen)).all()
    if not rows:
        return []
    mine = and_(
        webhook_calls.c.instance_id == instance_id,
        webhook_calls.c.id.in_([row.id for row in rows]),
    )
    url, secret = "", None
    if rows[0].webhook_id is not None:
        webhook = await webhooks.find(tx, seal, instance_id, rows[0].webhook_id)
        if webhook is None:
            await tx.execute(delete(webhook_calls).where(mine))
            return []
        url, secret = webhook.url, webhook.secret
    until = now + _LEASE
    await tx.execute(update(webhook_calls).where(mine).values(due_at=until))
    return [
        _call_of(row, url or callback_url(seal, row), secret=secret, until=until) for row in rows
    ]


async def taken(tx: AsyncConnection, call: Call, *, now: datetime) -> None:
    """The receiver has taken the call, which is done. Nothing is, if the lease was lost."""
    await _end(tx, call, delete(webhook_calls).where(_leased(call)), now=now)


async def put_off(tx: AsyncConnection, call: Call, failure: str, *, until: datetime) -> None:
    """The receiver has not taken it, and is called again. Nothing is done as above."""
    later = {"tries": call.tries + 1, "due_at": until, "failure": failure}
    await tx.execute(update(webhook_calls).where(_leased(call)).values(later))


async def given_up(tx: AsyncConnection, call: Call, failure: str, *, now: datetime) -> None:
    """The receiver has not taken it, and is not called again by itself. As `put_off`."""
    over = {"tries": call.tries + 1, "due_at": None, "failed_at": now, "failure": failure}
    await _end(tx, call, update(webhook_calls).where(_leased(call)).values(over), now=now)


async def failures(tx: AsyncConnection, instance_id: InstanceId) -> list[Failure]:
    """Those that have failed for good, in the order they did."""
    mine = select(webhook_calls).where(_failed(instance_id))
    rows = await tx.execute(mine.order_by(webhook_calls.c.failed_at, webhook_calls.c.id))
    return [
        Failure(
            id=row.id,
            webhook_id=row.webhook_id,
            event=row.event,
            created_at=row.created_at,
            tries=row.tries,
            failed_at=row.failed_at,
            failure=row.failure,
        )
        for row in rows
    ]


async def replay(
    tx: AsyncConnection, instance_id: InstanceId, call_id: str, *, now: datetime
) -> None:
    """Make a call that has failed once more, as if it were new. Raises NotFound."""
    one = and_(_failed(instance_id), webhook_calls.c.id == call_id)
    if (await tx.execute(update(webhook_calls).where(one).values(_again(now)))).rowcount == 0:
        raise NotFound("failed call")


async def replay_all(tx: AsyncConnection, instance_id: InstanceId, *, now: datetime) -> int:
    """The same with all that have failed; how many these are."""
    again = update(webhook_calls).where(_failed(instance_id)).values(_again(now))
    return (await tx.execute(again)).rowcount


async def prune(tx: AsyncConnection, instance_id: InstanceId, *, before: datetime) -> bool:
    """Forget some calls that failed so long ago, or are due since. Whether there are more."""
    over = (
        select(webhook_calls.c.id)
        .where(
            webhook_calls.c.instance_id == instance_id,
            # Not those that wait for their publish, which may be paused.
            or_(webhook_calls.c.failed_at <= before, webhook_calls.c.due_at <= before),
        )
        .limit(_PRUNED_AT_ONCE)
    )
    found = list(await tx.scalars(over))
    chosen = and_(webhook_calls.c.instance_id == instance_id, webhook_calls.c.id.in_(found))
    await tx.execute(delete(webhook_calls).where(chosen))
    return len(found) == _PRUNED_AT_ONCE


def callback_purpose(instance_id: InstanceId) -> str:
    """What the URL of a callback is sealed for."""
    return f"webhook_calls/{instance_id}"


def callback_url(seal: Seal, row: Row[Any]) -> str:
    return seal.open(row.sealed_url, callback_purpose(row.instance_id)).decode()


async def _end(tx: AsyncConnection, call: Call, ending: Delete | Update, *, now: datetime) -> None:
    """With STARTED done with, its FINISHED is due, if the publish is finished already."""
    if call.webhook_id is not None or call.event != CallbackStatus.STARTED:
        await tx.execute(ending)
        return
    finished = and_(
        webhook_calls.c.instance_id == call.instance_id,
        webhook_calls.c.id == finished_id(call.id),
    )
    # Locked first: who finishes the publish at this moment does so, too, and sees what was done.
    locked = select(webhook_calls.c.event).where(finished).with_for_update()
    is_waited_for = await tx.scalar(locked) == CallbackStatus.FINISHED
    if (await tx.execute(ending)).rowcount == 1 and is_waited_for:
        await tx.execute(update(webhook_calls).where(finished).values(due_at=now))


def _leased(call: Call) -> ColumnElement[bool]:
    """The call, if nobody else has leased it since."""
    return and_(
        webhook_calls.c.instance_id == call.instance_id,
        webhook_calls.c.id == call.id,
        webhook_calls.c.due_at == call.leased_until,
    )


def _failed(instance_id: InstanceId) -> ColumnElement[bool]:
    mine = webhook_calls.c.instance_id == instance_id
    return and_(mine, webhook_calls.c.failed_at.is_not(None))


def _again(now: datetime) -> dict[str, Any]:
    return {"tries": 0, "due_at": now, "failed_at": None, "failure": None}


def _call_of(row: Row[Any], url: str, *, secret: str | None, until: datetime) -> Call:
    return Call(
        id=row.id,
        instance_id=row.instance_id,
        webhook_id=row.webhook_id,
        url=url,
        secret=secret,
        event=row.event,
        body=row.body if row.webhook_id is not None else callback_body(row.body, url),
        tries=row.tries,
        leased_until=until,
    )


# Built once: to build them costs more than to run them.
_ADD = insert(webhook_calls)
_MINE = webhook_calls.c.instance_id == bindparam("of_instance")
_CLAIMED = (
    select(webhook_calls)
    .where(
        _MINE,
        webhook_calls.c.receiver == bindparam("to_receiver"),
        webhook_calls.c.due_at <= bindparam("at"),
    )
    .order_by(webhook_calls.c.due_at, webhook_calls.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)


def _receivers() -> Select[tuple[str]]:
    """From receiver to receiver, over all that the one before has: a step in the index for each."""
    first = select(func.min(webhook_calls.c.receiver).label("receiver")).where(_MINE)
    found = first.cte("found", recursive=True)
    beyond = webhook_calls.c.receiver > found.c.receiver
    following = select(func.min(webhook_calls.c.receiver)).where(_MINE, beyond).scalar_subquery()
    found = found.union_all(select(following).where(found.c.receiver.is_not(None)))
    due = exists().where(
        _MINE,
        webhook_calls.c.receiver == found.c.receiver,
        webhook_calls.c.due_at <= bindparam("at"),
    )
    return select(found.c.receiver).where(due)


_RECEIVERS = _receivers()
