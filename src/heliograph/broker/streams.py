"""The streams, declared once, and the messages that are put on them.

PUBLISH holds accepted publishes until they are fanned out, SHARDS the large ones that are fanned
out in parts, and the DELIVER streams hold batches until they are settled. All are work queues: a
message is gone once it is done. All are bounded: what would not fit is refused and waits with who
has it, in the end with the app's server. Nothing for a user waits behind a large interest: either
kind has streams of its own behind PUBLISH, and consumers. A subject names the instance: so each has
consumers, limits and a pace of its own. What is on WORKERS, broker/roll.py says.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from heliograph.broker import live, roll
from heliograph.broker.backlog import Backlog, backlog_of
from heliograph.broker.disk import FOR_BATCHES, FOR_PUBLISHES, has_room
from heliograph.broker.subjects import stream_of
from heliograph.model.batch import Batch
from heliograph.model.device import Platform
from heliograph.model.errors import Misconfigured, Unavailable
from heliograph.model.ids import InstanceId
from heliograph.model.publish import AudienceKind, Publish, kind_of
from heliograph.model.shard import Shard, ShardMessage
from heliograph.telemetry.watch import UNWATCHED, Watch

LEASE = timedelta(seconds=10)
"""A message whose worker has not been heard of for so long goes to another one."""

_PUT_TIMEOUT_S = 5.0
_CHECK_TIMEOUT_S = 2.0
_FULL_RETRY_AFTER = timedelta(seconds=10)
_GIBIBYTE = 1024**3
_MAX_AGE = timedelta(days=29)
"""No message lives longer than four weeks; what can't be worked on ends with it."""
_WRONG_LAST_SEQUENCE = 10071
"""Not 10164, which a cluster says while another worker's message is not stored by enough servers
yet: it may still be lost, so the batch is put again later."""
_NOT_CLUSTERED = 10074
_MAX_IN_WORK = 10_000
"""Batches of one instance and platform that are in work or wait for another try."""

_MAX_WAITING = 10_000
"""Publishes of one instance and kind that wait for their fan-out; more of its are refused, so that
it can't fill the stream for the others."""

_WORK_QUEUE = StreamConfig(
    retention=RetentionPolicy.WORK_QUEUE,
    storage=StorageType.FILE,
    # Full is refused, never forgotten: the app's server gets a 503 and keeps the publish.
    discard=DiscardPolicy.NEW,
    max_age=_MAX_AGE.total_seconds(),
)
_PUBLISH = _WORK_QUEUE.evolve(
    name="PUBLISH",
    subjects=["publish.>"],
    max_bytes=3 * _GIBIBYTE,
    max_msgs_per_subject=_MAX_WAITING,
    discard_new_per_subject=True,
    duplicate_window=120,
)
_SHARDS = _WORK_QUEUE.evolve(name="SHARDS", subjects=["shards.>"], max_bytes=_GIBIBYTE)
_DELIVER = {
    kind: _WORK_QUEUE.evolve(
        name=f"DELIVER-{kind}", subjects=[f"deliver.{kind}.>"], max_bytes=4 * _GIBIBYTE
    )
    for kind in AudienceKind
}
_QUEUES = (_PUBLISH, _SHARDS, *_DELIVER.values())
_STREAMS = (*_QUEUES, roll.STREAM)


async def declare(client: Client, *, replicas: int) -> None:
    """Make the streams, or bring them to what is declared here.

    replicas: how many servers keep each message. Raises Misconfigured for a server that has no
    others beside it, Unavailable if the streams can't be declared now.
    """
    context = client.jetstream(timeout=_PUT_TIMEOUT_S)
    try:
        for config in _STREAMS:
            await _declare_one(context, config.evolve(num_replicas=replicas))
    except (nats.errors.Error, TimeoutError) as error:
        if isinstance(error, APIError) and error.err_code == _NOT_CLUSTERED:
            raise Misconfigured(
                f"the NATS server is a single one, and can't keep {replicas} replicas",
                "Set --nats-replicas 1 (HELIOGRAPH_NATS_REPLICAS), or make it one of a cluster.",
            ) from error
        raise Unavailable("broker") from error


async def _declare_one(context: JetStreamContext, config: StreamConfig) -> None:
    try:
        await context.update_stream(config)
    except NotFoundError:
        await context.add_stream(config)


class Streams:
    """Puts messages on the streams and finds their consumers.

    directory: where an embedded broker keeps them; None if another looks after its disk.
    """

    def __init__(self, client: Client, directory: Path | None, watch: Watch = UNWATCHED) -> None:
        self.roll = roll.Roll(client)
        self.live = live.Live(client)
        self._client = client
        self._directory = directory
        self._watch = watch
        self._context: JetStreamContext = client.jetstream(timeout=_PUT_TIMEOUT_S)

    def watched_by(self, watch: Watch) -> Self:
        """The same streams, of which is told what is put on them."""
        return type(self)(self._client, self._directory, watch)

    async def backlogs(self) -> dict[str, Backlog]:
        """What is on each stream. Raises Unavailable, soon."""
        names = [str(config.name) for config in _QUEUES]
        return {name: await backlog_of(self._client, name) for name in names}

    async def check(self) -> None:
        """Raises Unavailable unless publishes can be stored now: their stream has a leader."""
        self._check_room(FOR_PUBLISHES)
        if not self._client.is_connected:
            raise Unavailable("broker")
        try:
            context = self._client.jetstream(timeout=_CHECK_TIMEOUT_S)
            found = await context.stream_info("PUBLISH")
        except (nats.errors.Error, TimeoutError) as error:
            raise Unavailable("broker") from error
        if found.cluster is None or not found.cluster.leader:
            raise Unavailable("broker")

    async def put_publish(self, publish: Publish) -> None:
        """Put an accepted publish on disk. When this returns, it survives a power cut.

        Putting it again changes nothing. Raises Unavailable, also if the stream is full.
        """
        self._check_room(FOR_PUBLISHES)
        subject = f"publish.{kind_of(publish.audience)}.{publish.instance_id}"
        await self._put(subject, msgspec.json.encode(publish), {"Nats-Msg-Id": publish.id})

    async def put_shard(self, publish: Publish, shard: Shard) -> None:
        """Put a shard of the publish on disk, unless it is there already. Raises Unavailable."""
        rest = f"{publish.id}.{shard.platform}.{shard.number}"
        message = ShardMessage(publish=publish, platform=shard.platform, number=shard.number)
        await self._put_once(f"shards.{publish.instance_id}.{rest}", msgspec.json.encode(message))

    async def put_batch(self, batch: Batch) -> None:
        """Put a batch on disk, unless it is there already. Raises Unavailable."""
        queue = f"deliver.{batch.audience}.{batch.platform}.{batch.instance_id}"
        rest = f"{batch.publish_id}.{batch.shard}.{batch.number}"
        await self._put_once(f"{queue}.{rest}", msgspec.json.encode(batch))

    async def publishes(
        self, kind: AudienceKind, instance_id: InstanceId
    ) -> JetStreamContext.PullSubscription:
        """The consumer of one instance's publishes of a kind, shared by all that fan out."""
        return await self._subscribed(_Queue.of_publishes(kind, instance_id))

    async def shards(self, instance_id: InstanceId) -> JetStreamContext.PullSubscription:
        """The consumer of one instance's shards, shared by all that fan out."""
        return await self._subscribed(_Queue.of_shards(instance_id))

    async def batches(
        self, kind: AudienceKind, platform: Platform, instance_id: InstanceId
    ) -> JetStreamContext.PullSubscription:
        """The consumer of one instance's batches for a platform, shared by all that deliver."""
        return await self._subscribed(_Queue.of_batches(kind, platform, instance_id))

    async def forget(self, instance_id: InstanceId) -> None:
        """Drop what waits for an instance that was deleted. Raises Unavailable.

        Each worker does so when it sees that the instance is gone; the first leaves nothing to the
        others.
        """
        try:
            for queue in _Queue.all_of(instance_id):
                await self._context.purge_stream(queue.stream, subject=queue.subject)
                with suppress(NotFoundError):
                    await self._context.delete_consumer(queue.stream, queue.consumer)
        except (nats.errors.Error, TimeoutError) as error:
            raise Unavailable("broker") from error

    def _check_room(self, least_bytes: int) -> None:
        if self._directory is not None and not has_room(self._directory, least_bytes):
            raise Unavailable("broker", _FULL_RETRY_AFTER)

    async def _subscribed(self, queue: "_Queue") -> JetStreamContext.PullSubscription:
        config = ConsumerConfig(
            durable_name=queue.consumer,
            filter_subject=queue.subject,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=LEASE.total_seconds(),
            max_ack_pending=_MAX_IN_WORK,
            max_deliver=-1,
        )
        try:
            await self._context.add_consumer(queue.stream, config)
            return await self._context.pull_subscribe_bind(
                consumer=queue.consumer, stream=queue.stream
            )
        except (nats.errors.Error, TimeoutError) as error:
            raise Unavailable("broker") from error

    async def _put_once(self, subject: str, message: bytes) -> None:
        """Put what has a subject of its own, unless it is there already."""
        self._check_room(FOR_BATCHES)
        # Not only within a window of time: while it is on the stream, it can't be put again.
        headers = {"Nats-Expected-Last-Subject-Sequence": "0"}
        try:
            await self._put(subject, message, headers)
        except Unavailable as error:
            cause = error.__cause__
            if not (isinstance(cause, APIError) and cause.err_code == _WRONG_LAST_SEQUENCE):
                raise

    async def _put(self, subject: str, message: bytes, headers: Mapping[str, str]) -> None:
        try:
            with self._watch.tracer.putting(stream_of(subject)) as carried:
                await self._context.publish(
                    subject, message, timeout=_PUT_TIMEOUT_S, headers={**headers, **carried}
                )
        except (nats.errors.Error, NoStreamResponseError, TimeoutError) as error:
            raise Unavailable("broker") from error


@dataclass(frozen=True, slots=True)
class _Queue:
    """What one consumer takes from a stream."""

    stream: str
    consumer: str
    subject: str

    @classmethod
    def of_publishes(cls, kind: AudienceKind, instance_id: InstanceId) -> Self:
        name = str(_PUBLISH.name)
        return cls(name, f"fanout-{kind}-{instance_id}", f"publish.{kind}.{instance_id}")

    @classmethod
    def of_shards(cls, instance_id: InstanceId) -> Self:
        return cls(str(_SHARDS.name), f"shards-{instance_id}", f"shards.{instance_id}.>")

    @classmethod
    def of_batches(cls, kind: AudienceKind, platform: Platform, instance_id: InstanceId) -> Self:
        return cls(
            str(_DELIVER[kind].name),
            f"deliver-{kind}-{platform}-{instance_id}",
            f"deliver.{kind}.{platform}.{instance_id}.>",
        )

    @classmethod
    def all_of(cls, instance_id: InstanceId) -> "list[_Queue]":
        return [
            *(cls.of_publishes(kind, instance_id) for kind in AudienceKind),
            cls.of_shards(instance_id),
            *(
                cls.of_batches(kind, platform, instance_id)
                for kind in AudienceKind
                for platform in Platform
            ),
        ]
