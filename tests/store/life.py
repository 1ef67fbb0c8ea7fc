"""The life of an instance: all that the store can do, once, with what has to come of it.

It is the same on every database and however its tables are divided. What a function was called,
a test sees for itself: one that is missing here fails it.
"""

from dataclasses import dataclass
from datetime import timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.data import add_instance, new_secret_key
from heliograph.model.answers import Answers
from heliograph.model.batch import Batch, Progress, Target
from heliograph.model.credential import WebIdentity
from heliograph.model.device import Device, Platform
from heliograph.model.event import Event, EventKind
from heliograph.model.history import What
from heliograph.model.ids import (
    IdempotencyKey,
    InstanceId,
    Interest,
    UserId,
    new_device_id,
    new_instance_id,
    new_publish_id,
)
from heliograph.model.insights import HOUR, By, DeviceCount, Figures, day_of
from heliograph.model.publish import Audience, Interests, Publish, PublishState, Users, kind_of
from heliograph.model.shard import Shard
from heliograph.model.transfer import Progress as ImportProgress
from heliograph.model.webhook import (
    Callback,
    CallbackStatus,
    Webhook,
    WebhookEvent,
    new_webhook_id,
    receiver_of,
)
from heliograph.model.webhook_body import (
    Reached,
)
from heliograph.store import (
    answers,
    batches,
    credentials,
    device_counts,
    devices,
    history,
    idempotency,
    imports,
    insights,
    instances,
    interests,
    pauses,
    pruning,
    published,
    publishes,
    quarantine,
    reports,
    schema,
    shards,
    targets,
    timelines,
    users,
    verdicts,
    webhook_calls,
    webhooks,
)
from heliograph.store.batches import Found, Range
from heliograph.store.engine import Store
from heliograph.store.published import Wanted
from heliograph.store.sealed import Seal
from heliograph.store.targets import position_of
from heliograph.store.verdicts import Noted
from tests.push_tokens import new_push_token
from tests.store.racing import FCM, NOW, count, publish_of

ALICE, BOB = UserId("alice"), UserId("bob")
NEWS, SPORT = Interest("news"), Interest("sport")
LATER = NOW + timedelta(days=60)


async def live(store: Store) -> None:
    """From the instance's making to its deletion, after which nothing is left of it."""
    instance_id = new_instance_id()
    async with store.writing() as tx:
        key = await add_instance(tx, store.seal, "life", instance_id, new_secret_key())
    async with store.writing() as tx:
        second = await instances.add_key(tx, store.seal, instance_id, new_secret_key(), now=NOW)
        await instances.revoke_key(tx, instance_id, key.id)
        assert await instances.keys_of(tx, store.seal, instance_id) == [second]
        assert (await instances.find(tx, instance_id)).name == "life"
        assert instance_id in [instance.id for instance in await instances.all_of_them(tx)]
    life = _Life(instance_id, store.seal)
    for chapter in (
        life.register,
        life.subscribe,
        life.add_webhook,
        life.publish_to_users,
        life.call_webhook,
        life.publish_to_interests,
        life.call_back,
        life.go_and_come_back,
        life.import_devices,
        life.end,
    ):
        async with store.writing() as tx:
            await chapter(tx)
    async with store.writing() as tx:
        await life.set_credentials(tx, store)
        await instances.remove(tx, instance_id)
    for table in schema.metadata.sorted_tables:
        assert await count(store, table, instance_id) == 0, table.name


@dataclass
class _Life:
    instance_id: InstanceId
    seal: Seal

    async def register(self, tx: AsyncConnection) -> None:
        """Alice has a browser and a phone, which gets another push token."""
        browser = await self._new(tx, Platform.WEB)
        self.phone = await self._new(tx, FCM)
        again = await devices.register(
            tx, self.instance_id, FCM, self.phone.push_token, {"sdkVersion": "2"}, now=NOW
        )
        assert (again.id, again.is_new) == (self.phone.id, False)
        for device in (browser, self.phone):
            await users.tie(tx, self.instance_id, device.platform, device.id, ALICE, now=NOW)
        taken = await self._new(tx, FCM)
        one = self.instance_id, FCM, self.phone.id
        await devices.set_push_token(tx, *one, taken.push_token, now=NOW)
        await devices.set_metadata(tx, *one, {"name": "phone"}, now=NOW)
        self.phone = await devices.find(tx, *one)
        assert (self.phone.push_token, self.phone.user_id) == (taken.push_token, ALICE)
        owned = await devices.of_user(tx, self.instance_id, ALICE)
        assert [device.id for device in owned] == sorted([browser.id, self.phone.id])
        await devices.set_lost_since(tx, self.phone, NOW)
        assert await devices.count(tx, self.instance_id) == 2
        assert await devices.page(tx, self.instance_id, after="", limit=1) == [
            await devices.find(tx, *one)
        ]

    async def subscribe(self, tx: AsyncConnection) -> None:
        await interests.replace(tx, self.phone, [NEWS])
        await interests.add(tx, self.phone, SPORT)
        await interests.add(tx, self.phone, SPORT)
        heir = await self._new(tx, FCM)
        await interests.inherit(tx, self.instance_id, FCM, heir.id, [self.phone.id])
        await interests.remove(tx, heir, NEWS)
        assert await interests.of_device(tx, self.instance_id, heir.id) == [SPORT]

    async def add_webhook(self, tx: AsyncConnection) -> None:
        self.webhook = Webhook(
            id=new_webhook_id(),
            url="https://example.com/beams",
            secret="s3cret",
            events=(WebhookEvent.ATTEMPT, WebhookEvent.OPEN),
            custom_data={},
            created_at=NOW,
        )
        other = msgspec.structs.replace(self.webhook, id=new_webhook_id())
        for one in (self.webhook, other):
            await webhooks.add(tx, self.seal, self.instance_id, one)
        await webhooks.remove(tx, self.instance_id, other.id)
        assert await webhooks.all_of(tx, self.seal, self.instance_id) == [self.webhook]
        [subscribed] = await webhooks.subscribed(tx, self.instance_id)
        assert (subscribed.id, subscribed.events) == (self.webhook.id, self.webhook.events)

    async def call_webhook(self, tx: AsyncConnection) -> None:
        """It does not take the first of two calls, and gets it once more; the second is too old."""
        receiver = self.instance_id, self.webhook.id
        assert await webhook_calls.receivers_due(tx, self.instance_id, now=NOW) == [receiver[1]]
        first, second = await webhook_calls.claim(tx, self.seal, *receiver, limit=8, now=NOW)
        assert {first.event, second.event} == {WebhookEvent.ATTEMPT, WebhookEvent.OPEN}
        assert (first.url, first.secret) == (self.webhook.url, self.webhook.secret)
        assert await webhook_calls.claim(tx, self.seal, *receiver, limit=8, now=NOW) == []
        await webhook_calls.given_up(tx, first, "answered 500", now=NOW)
        assert [one.id for one in await webhook_calls.failures(tx, self.instance_id)] == [first.id]
        await webhook_calls.replay(tx, self.instance_id, first.id, now=NOW)
        assert await webhook_calls.replay_all(tx, self.instance_id, now=NOW) == 0
        await webhook_calls.put_off(tx, second, "answered 500", until=LATER)
        [again] = await webhook_calls.claim(tx, self.seal, *receiver, limit=8, now=NOW)
        assert (again.id, again.body) == (first.id, first.body)
        await webhook_calls.taken(tx, again, now=NOW)
        assert not await webhook_calls.prune(tx, self.instance_id, before=LATER)
        assert await webhook_calls.claim(tx, self.seal, *receiver, limit=8, now=LATER) == []

    async def publish_to_users(self, tx: AsyncConnection) -> None:
        publish = self._publish(Users((ALICE, BOB)))
        key = IdempotencyKey("once")
        assert await idempotency.claim(tx, key, publish) == publish.id
        again = msgspec.structs.replace(publish, id=new_publish_id())
        assert await idempotency.claim(tx, key, again) == publish.id
        assert await self._deliver(tx, publish) == [Target(self.phone.id, ALICE)]
        for now in (NOW, NOW + timedelta(days=1)):
            event = Event(
                kind=EventKind.OPEN,
                publish_id=publish.id,
                device_id=self.phone.id,
                reported_at=NOW,
            )
            counted = await reports.record_all(tx, self.instance_id, [event, event], now=now)
            assert [one.event for one in counted] == [event] * (now == NOW)
        report = await publishes.report(tx, self.instance_id, publish.id)
        facts = await timelines.facts_of(tx, self.instance_id, ALICE, publish.id, now=NOW)
        assert [device.device_id for device in facts.devices].count(self.phone.id) == 1
        assert (len(facts.verdicts), len(facts.reported)) == (1, 1)
        assert report.counts == {FCM: {"delivered": 1, "opened": 1}}
        assert report.finished_at == NOW
        reached = await verdicts.reached_users(tx, self.instance_id, publish.id)
        assert reached == {ALICE: Reached.DELIVERED}
        listed = await published.find(tx, self.instance_id, publish.id)
        assert listed.names == [ALICE, BOB]
        assert await published.page(tx, self.instance_id, Wanted(), limit=1) == [listed]
        said = await published.said_of_users(tx, self.instance_id, publish.id, [ALICE])
        assert [one.outcome for one in said] == ["delivered", "opened"]

    async def publish_to_interests(self, tx: AsyncConnection) -> None:
        delivered = await self._deliver(tx, self._publish(Interests((NEWS, SPORT))))
        assert [target.device_id for target in delivered] == sorted(
            target.device_id for target in delivered
        )
        assert len(delivered) == 2

    async def call_back(self, tx: AsyncConnection) -> None:
        """A publish to interests with a URL of its own, which is told of its begin and its end."""
        url = "https://user:pass@example.com/"
        purpose = webhook_calls.callback_purpose(self.instance_id)
        callback = Callback(self.seal.close(url.encode(), purpose), receiver_of(url))
        publish = msgspec.structs.replace(self._publish(Interests((NEWS,))), callback=callback)
        await self._deliver(tx, publish)
        lane = tx, self.seal, self.instance_id, callback.receiver
        for status in (CallbackStatus.STARTED, CallbackStatus.FINISHED):
            due = await webhook_calls.receivers_due(tx, self.instance_id, now=NOW)
            assert due == [callback.receiver]
            [call] = await webhook_calls.claim(*lane, limit=8, now=NOW)
            assert (call.event, call.url) == (status, url)
            await webhook_calls.taken(tx, call, now=NOW)
        assert await webhook_calls.claim(*lane, limit=8, now=NOW) == []

    async def go_and_come_back(self, tx: AsyncConnection) -> None:
        """The phone is gone, registers again; is gone, is restored; the others go for good."""
        one = self.instance_id, FCM, self.phone.id
        for back in ("by itself", "by a command"):
            gone = await devices.find(tx, *one)
            assert await devices.remove_gone(tx, gone, "unregistered", now=NOW)
            kept = await quarantine.page(tx, self.instance_id, after="", limit=9, now=NOW)
            assert [removed.id for removed in kept] == [gone.id]
            if back == "by itself":
                token = gone.push_token
                made = await devices.register(tx, self.instance_id, FCM, token, None, now=NOW)
                assert made.id == gone.id
            else:
                await quarantine.restore(tx, self.instance_id, gone.id, now=NOW)
            assert await devices.of_user(tx, self.instance_id, ALICE)
            assert await interests.of_device(tx, self.instance_id, gone.id) == [NEWS, SPORT]
        assert await devices.remove(tx, *one, now=NOW)
        happened = await history.of_user(tx, self.instance_id, ALICE, limit=9)
        assert What.STOPPED in [one.what for one in happened]
        assert await devices.remove_of_user(tx, self.instance_id, ALICE, now=NOW) == 1

    async def import_devices(self, tx: AsyncConnection) -> None:
        """As transfer and intake do."""
        brought = [self._unknown(platform) for platform in (FCM, Platform.APNS)]
        ids = [device.id for device in brought]
        tokens = [device.push_token for device in brought]
        assert await devices.with_push_tokens(tx, self.instance_id, tokens) == []
        assert await users.slots_taken(tx, self.instance_id, [BOB]) == {}
        await users.take_slots(tx, self.instance_id, {(BOB, d.platform): 1 for d in brought})
        await devices.add_all(tx, brought)
        await devices.lock(tx, self.instance_id, ids)
        await devices.change(tx, msgspec.structs.replace(brought[0], metadata={"a": 1}))
        await interests.add_all(tx, [(device, [NEWS, SPORT]) for device in brought])
        assert await interests.of_devices(tx, self.instance_id, ids) == {
            device_id: [NEWS, SPORT] for device_id in ids
        }
        assert set(await devices.those_of(tx, self.instance_id, ids)) == set(ids)
        await quarantine.forget_all(tx, self.instance_id, ids)
        await quarantine.forget_push_tokens(tx, self.instance_id, tokens)
        await imports.put(tx, self.instance_id, "file", ImportProgress(lines=2))
        await imports.put(tx, self.instance_id, "file", ImportProgress(lines=3))
        assert await imports.find(tx, self.instance_id, "file") == ImportProgress(lines=3)
        await imports.forget(tx, self.instance_id, "file")

    async def end(self, tx: AsyncConnection) -> None:
        """What is kept for a time goes when it is over."""
        lane = self.instance_id, FCM
        for _ in range(2):
            await answers.count(tx, *lane, "key", Answers(delivered=1), now=NOW)
        assert await answers.lately(tx, *lane, "key", now=NOW) == Answers(delivered=2)
        for _ in range(2):
            await pauses.begin(tx, *lane, credential_id="key", reason="refused", now=NOW)
        assert await pauses.claim_probe(tx, *lane, now=NOW + timedelta(minutes=1))
        assert await pauses.find(tx, *lane) is not None
        assert sum((await pauses.count(tx)).values()) >= 1
        await pauses.end(tx, *lane)
        await self._look_at_insights(tx)
        for prune in (answers.prune, idempotency.prune, quarantine.prune):
            await prune(tx, self.instance_id, now=LATER)
        kept_for = timedelta(days=30)
        over = await pruning.over(tx, self.instance_id, None, kept_for=kept_for, now=LATER)
        behind = await pruning.over(tx, self.instance_id, over[0], kept_for=kept_for, now=LATER)
        assert [over[0], *behind] == over
        ids = [one.publish_id for one in over]
        assert not await pruning.forget_some(
            tx, self.instance_id, ids, kept_for=kept_for, now=LATER
        )
        assert await pruning.delete_tombstones(tx, self.instance_id, now=LATER) == 3
        await pruning.forget_history(tx, self.instance_id, before=LATER)

    async def _look_at_insights(self, tx: AsyncConnection) -> None:
        """A publish to users, and two to interests; the phone opened the first."""
        for _ in range(2):
            count = DeviceCount(
                platform=FCM, subscribers=2, active=1, counted_at=NOW, took=timedelta(seconds=1)
            )
            await device_counts.put(tx, self.instance_id, [count])
        assert await device_counts.newest(tx, self.instance_id, before=LATER) == [count]
        page = await device_counts.page(
            tx, self.instance_id, after="", limit=9, seen_since=day_of(NOW)
        )
        assert (page.subscribers.total(), page.active.total(), page.last) == (3, 1, None)
        for by in (None, *By):
            read = await insights.read(tx, self.instance_id, NOW, NOW + HOUR, by)
            assert read.total == Figures(publishes=3, opened=1)
            assert await insights.fold(tx, self.instance_id, now=NOW + 3 * HOUR) is False
        assert await insights.prune(tx, self.instance_id, before=LATER) is False
        await device_counts.prune(tx, self.instance_id, before=LATER)

    async def set_credentials(self, tx: AsyncConnection, store: Store) -> None:
        await credentials.check_seal(tx, store.seal)
        web = self.instance_id, Platform.WEB
        for subject in ("mailto:a@example.com", "mailto:b@example.com"):
            identity = WebIdentity(subject=subject, keys=())
            await credentials.put(tx, store.seal, *web, identity, now=NOW)
        held = await credentials.find(tx, store.seal, *web)
        assert held is not None
        assert isinstance(held.credential, WebIdentity)
        assert held.credential.subject == "mailto:b@example.com"
        await credentials.remove(tx, *web)

    async def _new(self, tx: AsyncConnection, platform: Platform) -> Device:
        token = self._unknown(platform).push_token
        made = await devices.register(tx, self.instance_id, platform, token, {}, now=NOW)
        return await devices.find(tx, self.instance_id, platform, made.id)

    def _unknown(self, platform: Platform) -> Device:
        return Device(
            instance_id=self.instance_id,
            id=new_device_id(platform),
            platform=platform,
            push_token=new_push_token(platform),
            user_id=BOB,
            metadata={},
            registered_at=NOW,
        )

    def _publish(self, audience: Audience) -> Publish:
        return msgspec.structs.replace(publish_of(self.instance_id), audience=audience)

    async def _deliver(self, tx: AsyncConnection, publish: Publish) -> list[Target]:
        """Fan out page by page, settle each batch; the targets on FCM."""
        key, shard = (self.instance_id, publish.id), Shard(platform=FCM, number=0)
        assert await publishes.begin(tx, publish, [shard], [], now=NOW)
        await publishes.set_state(tx, *key, PublishState.PAUSED)
        await publishes.set_state(tx, *key, PublishState.RUNNING)
        assert await publishes.state_of(tx, *key) is PublishState.RUNNING
        pages = list[list[Target]]()
        while page := await targets.page_of(tx, publish, shard, limit=1):
            shard = await self._note(tx, publish, shard, page)
            pages.append(page)
        ended = msgspec.structs.replace(shard, done=True)
        assert await publishes.shard_advanced(tx, publish, shard, ended, None, now=NOW)
        assert await shards.find(tx, *key, FCM, 0) == ended
        for number, page in enumerate(pages, 1):
            await self._settle(tx, publish, page, number)
        assert [one.is_finished for one in await shards.of_publish(tx, *key)] == [True]
        assert await batches.last_unsettled(tx, *key, ended) is None
        return [target for page in pages for target in page]

    async def _note(
        self, tx: AsyncConnection, publish: Publish, known: Shard, page: list[Target]
    ) -> Shard:
        first, last = position_of(page[0]), position_of(page[-1])
        behind = msgspec.structs.replace(known, position=last, batches=known.batches + 1)
        noted = Range(platform=FCM, shard=0, number=behind.batches, first=first, last=last)
        assert await publishes.shard_advanced(tx, publish, known, behind, noted, now=NOW)
        assert await batches.last_unsettled(tx, self.instance_id, publish.id, behind) == noted
        assert await targets.page_again(tx, publish, noted) == page
        return behind

    async def _settle(
        self, tx: AsyncConnection, publish: Publish, page: list[Target], number: int
    ) -> None:
        batch = Batch(
            publish_id=publish.id,
            instance_id=self.instance_id,
            audience=kind_of(publish.audience),
            platform=FCM,
            shard=0,
            number=number,
            accepted_at=NOW,
            payload={},
            targets=page,
        )
        running = Found(progress=Progress(), version=0, state=PublishState.RUNNING)
        assert await batches.find(tx, batch) == running
        assert await devices.recipients(tx, batch, [self.phone.id])
        known = Progress(counts={"retried": 1})
        assert await batches.advance(tx, batch, known, version=0, settled=False)
        under_way = await batches.counts_under_way(tx, self.instance_id, publish.id)
        assert (FCM, {"retried": 1}) in under_way
        assert await batches.advance(tx, batch, Progress(settled={0}), version=1, settled=True)
        said = [
            Noted(device_id=target.device_id, user_id=ALICE, outcome="delivered", reason="")
            for target in page
        ]
        await verdicts.add_all(tx, batch, 1, said, now=NOW)
        kept = await verdicts.of_publish(tx, self.instance_id, publish.id)
        assert {one.device_id for one in kept} >= {target.device_id for target in page}
        counts = {"delivered": len(page)}
        await publishes.count(tx, self.instance_id, publish.id, FCM, counts, part=0)
        await publishes.batch_settled(tx, batch, now=NOW)
