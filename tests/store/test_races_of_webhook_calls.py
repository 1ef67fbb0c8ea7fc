"""Calls to webhooks, with many processes at them at once, on each database."""

from datetime import timedelta
from functools import partial

import msgspec
from sqlalchemy import event, select

from heliograph.model.event import Event, EventKind
from heliograph.model.ids import DeviceId, InstanceId, UserId
from heliograph.model.publish import AudienceKind
from heliograph.model.shard import Shard
from heliograph.model.webhook import (
    Call,
    Callback,
    CallbackStatus,
    Webhook,
    WebhookEvent,
    new_webhook_id,
    receiver_of,
)
from heliograph.store import publishes, schema, webhook_calls, webhook_events, webhooks
from heliograph.store.engine import Store
from heliograph.store.publishes import Advanced
from tests.databases import SEAL
from tests.store.racing import FCM, NOW, Work, at_once, count, new_publish, publish_of

CALLS = 40
LATER = NOW + timedelta(minutes=1)


async def new_webhook(store: Store, instance_id: InstanceId) -> Webhook:
    webhook = Webhook(
        id=new_webhook_id(),
        url="https://example.com/",
        secret="s3cret",
        events=(WebhookEvent.ATTEMPT,),
        custom_data={},
        created_at=NOW,
    )
    async with store.writing() as tx:
        await webhooks.add(tx, SEAL, instance_id, webhook)
    return webhook


async def happen(store: Store, instance_id: InstanceId, times: int) -> None:
    publish_id = await new_publish(store, instance_id)
    async with store.writing() as tx:
        for _ in range(times):
            await webhook_events.publish_finished(
                tx, instance_id, publish_id, AudienceKind.USERS, '["alice"]', now=NOW
            )


def claim(instance_id: InstanceId, webhook: Webhook) -> Work:
    return partial(
        webhook_calls.claim,
        seal=SEAL,
        instance_id=instance_id,
        receiver=webhook.id,
        limit=8,
        now=NOW,
    )


async def test_of_many_that_claim_calls_no_two_get_the_same(
    store: Store, instance_id: InstanceId
) -> None:
    webhook = await new_webhook(store, instance_id)
    await happen(store, instance_id, CALLS)
    claimed: list[str] = []
    for _ in range(3):
        # Who meets others at a row passes on, and may come back with fewer.
        for calls in await at_once(store, [claim(instance_id, webhook)] * 15):
            claimed += [call.id for call in calls]
    assert len(claimed) == len(set(claimed)) == CALLS


async def test_who_has_lost_the_lease_changes_nothing(
    store: Store, instance_id: InstanceId
) -> None:
    webhook = await new_webhook(store, instance_id)
    await happen(store, instance_id, 1)
    [[stale]] = await at_once(store, [claim(instance_id, webhook)])
    fresh = await claimed_again(store, instance_id, webhook)
    assert fresh.id == stale.id
    endings = [
        partial(webhook_calls.taken, call=stale, now=LATER),
        partial(webhook_calls.put_off, call=stale, failure="late", until=LATER),
        partial(webhook_calls.given_up, call=stale, failure="late", now=LATER),
    ]
    for ending in endings:
        before = await row_of(store, instance_id)
        await at_once(store, [ending])
        assert await row_of(store, instance_id) == before
    await at_once(store, [partial(webhook_calls.taken, call=fresh, now=LATER)])
    assert await count(store, schema.webhook_calls, instance_id) == 0


async def row_of(store: Store, instance_id: InstanceId) -> object:
    """The only call that there is."""
    mine = select(schema.webhook_calls).where(schema.webhook_calls.c.instance_id == instance_id)
    async with store.reading() as connection:
        return (await connection.execute(mine)).one()


async def claimed_again(store: Store, instance_id: InstanceId, webhook: Webhook) -> Call:
    """When the first lease is over."""
    async with store.writing() as tx:
        [call] = await webhook_calls.claim(tx, SEAL, instance_id, webhook.id, limit=8, now=LATER)
    return call


async def test_only_receivers_with_calls_that_are_due_are_looked_at(
    store: Store, instance_id: InstanceId
) -> None:
    due, leased, quiet = [await new_webhook(store, instance_id) for _ in range(3)]
    async with store.writing() as tx:
        await webhooks.remove(tx, instance_id, quiet.id)
    await happen(store, instance_id, 3)
    await at_once(store, [claim(instance_id, leased)])
    async with store.reading() as connection:
        assert await webhook_calls.receivers_due(connection, instance_id, now=NOW) == [due.id]
        both = await webhook_calls.receivers_due(connection, instance_id, now=LATER)
        assert both == sorted([due.id, leased.id])


async def test_what_failed_long_ago_or_was_never_tried_is_forgotten_bit_by_bit(
    store: Store, instance_id: InstanceId
) -> None:
    webhook = await new_webhook(store, instance_id)
    await happen(store, instance_id, 508)
    [[call, *_]] = await at_once(store, [claim(instance_id, webhook)])
    await at_once(store, [partial(webhook_calls.given_up, call=call, failure="no", now=LATER)])
    before = NOW - timedelta(milliseconds=1)
    async with store.writing() as tx:
        assert not await webhook_calls.prune(tx, instance_id, before=before)
    assert await count(store, schema.webhook_calls, instance_id) == 508
    async with store.writing() as tx:
        assert await webhook_calls.prune(tx, instance_id, before=NOW)
        assert not await webhook_calls.prune(tx, instance_id, before=NOW)
    async with store.reading() as connection:
        [kept] = await webhook_calls.failures(connection, instance_id)
    assert kept.id == call.id
    # The others that were leased are with their receiver.
    assert await count(store, schema.webhook_calls, instance_id) == 8


async def test_without_a_webhook_an_event_costs_one_look(
    store: Store, instance_id: InstanceId
) -> None:
    publish_id = await new_publish(store, instance_id)
    statements: list[str] = []

    async with store.writing() as tx:
        connection = tx.sync_connection
        assert connection is not None

        def note(*seen: object) -> None:
            statements.append(str(seen[2]))

        event.listen(connection, "before_cursor_execute", note)
        await webhook_events.publish_finished(
            tx, instance_id, publish_id, AudienceKind.USERS, '["alice"]', now=NOW
        )
        reported = Event(
            kind=EventKind.OPEN,
            publish_id=publish_id,
            device_id=DeviceId("web-1"),
            reported_at=NOW,
        )
        alice = UserId("alice")
        await webhook_events.users_reported(tx, instance_id, [(reported, alice)] * 9, now=NOW)
    assert len(statements) == 2


async def test_the_end_of_a_publish_is_told_when_its_start_is_taken_at_the_same_moment(
    store: Store, instance_id: InstanceId
) -> None:
    for _ in range(10):
        url = "https://example.com/"
        sealed = SEAL.close(url.encode(), webhook_calls.callback_purpose(instance_id))
        callback = Callback(sealed, receiver_of(url))
        publish = msgspec.structs.replace(publish_of(instance_id), callback=callback)
        known = Shard(platform=FCM, number=0)
        ended = msgspec.structs.replace(known, done=True)
        async with store.writing() as tx:
            assert await publishes.begin(tx, publish, [known], [], now=NOW)
            lane = tx, SEAL, instance_id, callback.receiver
            [started] = await webhook_calls.claim(*lane, limit=8, now=NOW)
        works: list[Work] = [
            partial(webhook_calls.taken, call=started, now=NOW),
            partial(
                publishes.shard_advanced,
                publish=publish,
                known=known,
                behind=ended,
                noted=None,
                now=NOW,
            ),
        ]
        assert await at_once(store, works) == [None, Advanced(finished=True)]
        async with store.writing() as tx:
            lane = tx, SEAL, instance_id, callback.receiver
            [finished] = await webhook_calls.claim(*lane, limit=8, now=NOW)
            assert finished.event == CallbackStatus.FINISHED
            await webhook_calls.taken(tx, finished, now=NOW)
