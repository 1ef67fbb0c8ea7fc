"""Fills a store with an instance like those of apps, through the store's own statements."""

import base64
import random
import secrets
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.data import create_instance, new_secret_key
from heliograph.model.answers import Answers
from heliograph.model.batch import Batch, Progress, Target
from heliograph.model.device import Device, Platform, Subscription
from heliograph.model.event import Event, EventKind
from heliograph.model.ids import (
    DeviceId,
    IdempotencyKey,
    InstanceId,
    Interest,
    PublishId,
    UserId,
    new_device_id,
    new_instance_id,
    new_publish_id,
)
from heliograph.model.limits import MAX_BATCH_TARGETS
from heliograph.model.publish import AudienceKind, Interests, Publish, Users
from heliograph.model.shard import Shard
from heliograph.store import (
    answers,
    batches,
    devices,
    idempotency,
    instances,
    interests,
    publishes,
    reports,
    users,
)
from heliograph.store.batches import Range
from heliograph.store.engine import Store
from heliograph.store.targets import position_of

NOW = datetime(2026, 11, 1, tzinfo=UTC)
INTERESTS_PER_DEVICE = 10
TOPICS = [Interest(f"topic-{number:04}") for number in range(500)]
DEVICES_PER_USER = 1.25
SHARES = {Platform.FCM: 0.6, Platform.APNS: 0.3, Platform.WEB: 0.1}
QUARANTINED_SHARE = 0.02
COUNTS = ("targets", "delivered", "failed", "removed", "retried", "acknowledged", "opened")
PAYLOAD = {"notification": {"title": "A new episode", "body": "Season 3, episode 4: " + "x" * 100}}
_ROWS_AT_ONCE = 1000
_VAPID_KEY = base64.urlsafe_b64encode(bytes(65)).decode().rstrip("=")

Told = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What there is: the rows that the sizes are divided by."""

    instance_id: InstanceId
    devices: int
    publishes: int


async def fill(store: Store, *, number: int, said: Told) -> Filled:
    """An instance with so many devices, each in its topics and most with a user."""
    instance_id, rng = new_instance_id(), random.Random(1)  # noqa: S311  # no secrets
    await create_instance(store, "sizes", instance_id, new_secret_key())
    user_ids = [UserId(str(uuid.uuid4())) for _ in range(round(number / DEVICES_PER_USER))]
    for done in range(0, number, _ROWS_AT_ONCE):
        wanted = min(_ROWS_AT_ONCE, number - done)
        made = [_device(instance_id, rng.choice(user_ids), rng) for _ in range(wanted)]
        async with store.writing() as tx:
            await _add(tx, instance_id, made, rng)
        said(f"{done + wanted} devices")
    published = number // MAX_BATCH_TARGETS
    for done in range(published):
        async with store.writing() as tx:
            page = await devices.page(tx, instance_id, after=_somewhere(rng), limit=500)
            await _publish(tx, instance_id, page)
        said(f"{done + 1} publishes")
    async with store.writing() as tx:
        gone = await devices.page(
            tx, instance_id, after="", limit=round(number * QUARANTINED_SHARE)
        )
    for device in gone:
        async with store.writing() as tx:
            await instances.hold(tx, instance_id)
            await devices.remove_gone(tx, device, "Unregistered", now=NOW)
    return Filled(instance_id=instance_id, devices=number - len(gone), publishes=published)


def batch_message(platform: Platform) -> bytes:
    """A full batch of a publish to interests, as it is put on the stream."""
    ids = [new_device_id(platform) for _ in range(MAX_BATCH_TARGETS)]
    targets = [Target(device_id, None) for device_id in ids]
    return msgspec.json.encode(
        batch_of(new_instance_id(), new_publish_id(), platform=platform, targets=targets)
    )


def batch_of(
    instance_id: InstanceId, publish_id: PublishId, *, platform: Platform, targets: list[Target]
) -> Batch:
    return Batch(
        publish_id=publish_id,
        instance_id=instance_id,
        audience=AudienceKind.INTERESTS,
        platform=platform,
        shard=0,
        number=1,
        accepted_at=NOW,
        payload=PAYLOAD,
        targets=targets,
    )


async def _add(
    tx: AsyncConnection, instance_id: InstanceId, made: list[Device], rng: random.Random
) -> None:
    slots = Counter((UserId(str(device.user_id)), device.platform) for device in made)
    await users.take_slots(tx, instance_id, slots)
    await devices.add_all(tx, made)
    await interests.add_all(
        tx, [(device, rng.sample(TOPICS, INTERESTS_PER_DEVICE)) for device in made]
    )


async def _publish(tx: AsyncConnection, instance_id: InstanceId, page: list[Device]) -> None:
    """Fanned out, counted and reported, but its batch not settled: so there is a row of each."""
    audience = Interests((TOPICS[0],)) if len(page) % 2 else Users((UserId("somebody"),))
    publish = Publish(
        id=new_publish_id(),
        instance_id=instance_id,
        accepted_at=NOW,
        audience=audience,
        payloads={Platform.FCM: PAYLOAD},
    )
    await idempotency.claim(tx, IdempotencyKey(str(uuid.uuid4())), publish)
    first, last = (position_of(Target(DeviceId(page[end].id), None)) for end in (0, -1))
    shard = Shard(platform=Platform.FCM, number=0, position=last, batches=1, done=True)
    noted = Range(platform=Platform.FCM, shard=0, number=1, first=first, last=last)
    await publishes.begin(tx, publish, [shard], [noted], now=NOW)
    batch = batch_of(instance_id, publish.id, platform=Platform.FCM, targets=[])
    progress = Progress(settled=set(range(MAX_BATCH_TARGETS)))
    await batches.advance(tx, batch, progress, version=0, settled=False)
    for platform in Platform:
        counts = dict.fromkeys(COUNTS, 1)
        await publishes.count(tx, instance_id, publish.id, platform, counts, part=0)
    await answers.count(
        tx, instance_id, Platform.FCM, publish.id[-16:], Answers(delivered=1), now=NOW
    )
    events = [
        Event(kind=EventKind.DELIVERY, publish_id=publish.id, device_id=device.id, reported_at=NOW)
        for device in page[:100]
    ]
    await reports.record_all(tx, instance_id, events, now=NOW)


def _device(instance_id: InstanceId, user_id: UserId, rng: random.Random) -> Device:
    (platform,) = rng.choices([*SHARES], [*SHARES.values()])
    return Device(
        instance_id=instance_id,
        id=new_device_id(platform),
        platform=platform,
        push_token=_push_token(platform),
        user_id=user_id,
        metadata={"sdkVersion": "1.9.2", "androidVersion": "14"},
        registered_at=NOW,
        vapid_key=_VAPID_KEY if platform is Platform.WEB else None,
    )


def _push_token(platform: Platform) -> str:
    """As long as those that Apple, Google and Chrome's push service hand out."""
    match platform:
        case Platform.APNS:
            return secrets.token_hex(32)
        case Platform.FCM:
            return f"{secrets.token_urlsafe(16)}:APA91b{secrets.token_urlsafe(100)}"
        case Platform.WEB:
            endpoint = f"https://fcm.googleapis.com/fcm/send/{secrets.token_urlsafe(114)}"
            keys = secrets.token_bytes(65), secrets.token_bytes(16)
            return msgspec.json.encode(Subscription(endpoint, *keys)).decode()


def _somewhere(rng: random.Random) -> str:
    return f"fcm-{rng.randrange(14):x}"
