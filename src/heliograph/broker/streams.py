"""The streams, declared once, and the messages that are put on them.

PUBLISH holds accepted publishes until they are fanned out, DELIVER holds batches until they are
settled. Both are work queues: a message is gone once it is done. A subject names the instance, so
that each instance has consumers, limits and a pace of its own.
"""

from collections.abc import Mapping
from datetime import timedelta

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
from nats.js.errors import APIError, NoStreamResponseError

from heliograph.model.batch import Batch
from heliograph.model.device import Platform
from heliograph.model.errors import Unavailable
from heliograph.model.ids import InstanceId
from heliograph.model.publish import Publish

LEASE = timedelta(seconds=10)
"""A message whose worker has not been heard of for so long goes to another one."""

_PUT_TIMEOUT_S = 5.0
_GIBIBYTE = 1024**3
_MAX_AGE = timedelta(days=29)
"""No message lives longer than four weeks; what can't be worked on ends with it."""
_WRONG_LAST_SEQUENCE = 10071
_MAX_IN_WORK = 10_000
"""Batches of one instance and platform that are in work or wait for another try."""

_STREAMS = (
    StreamConfig(
        name="PUBLISH",
        subjects=["publish.*"],
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        # Full is refused, never forgotten: the app's server gets a 503 and keeps the publish.
        discard=DiscardPolicy.NEW,
        max_bytes=4 * _GIBIBYTE,
        max_age=_MAX_AGE.total_seconds(),
        duplicate_window=120,
    ),
    StreamConfig(
        name="DELIVER",
        subjects=["deliver.>"],
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        max_bytes=8 * _GIBIBYTE,
        max_age=_MAX_AGE.total_seconds(),
    ),
)


async def declare(client: Client) -> None:
    """Make the streams, or bring them to what is declared here."""
    context = client.jetstream(timeout=_PUT_TIMEOUT_S)
    for config in _STREAMS:
        try:
            await context.update_stream(config)
        except APIError:
            await context.add_stream(config)


class Streams:
    """Puts messages on the streams and finds their consumers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._context: JetStreamContext = client.jetstream(timeout=_PUT_TIMEOUT_S)

    @property
    def is_connected(self) -> bool:
        return bool(self._client.is_connected)

    async def put_publish(self, publish: Publish) -> None:
        """Put an accepted publish on disk. When this returns, it survives a power cut.

        Putting it again changes nothing. Raises Unavailable, also if the stream is full.
        """
        headers = {"Nats-Msg-Id": publish.id}
        await self._put(f"publish.{publish.instance_id}", msgspec.json.encode(publish), headers)

    async def put_batch(self, batch: Batch) -> None:
        """Put a batch on disk, unless it is there already. Raises Unavailable."""
        subject = _subject(batch.platform, batch.instance_id, f"{batch.publish_id}.{batch.number}")
        # Not only within a window of time: while the batch is on the stream, it can't be put again.
        headers = {"Nats-Expected-Last-Subject-Sequence": "0"}
        try:
            await self._put(subject, msgspec.json.encode(batch), headers)
        except Unavailable as error:
            cause = error.__cause__
            if not (isinstance(cause, APIError) and cause.err_code == _WRONG_LAST_SEQUENCE):
                raise

    async def publishes(self) -> JetStreamContext.PullSubscription:
        """The consumer of accepted publishes, shared by all that fan out."""
        return await self._consumer("PUBLISH", "fanout", "publish.*")

    async def batches(
        self, platform: Platform, instance_id: InstanceId
    ) -> JetStreamContext.PullSubscription:
        """The consumer of one instance's batches for a platform, shared by all that deliver."""
        name = f"deliver-{platform}-{instance_id}"
        return await self._consumer("DELIVER", name, _subject(platform, instance_id, ">"))

    async def forget_batches(self, platform: Platform, instance_id: InstanceId) -> None:
        """Drop what waits for an instance that was deleted. Raises Unavailable."""
        subject = _subject(platform, instance_id, ">")
        name = f"deliver-{platform}-{instance_id}"
        try:
            await self._context.purge_stream("DELIVER", subject=subject)
            await self._context.delete_consumer("DELIVER", name)
        except (nats.errors.Error, TimeoutError) as error:
            raise Unavailable("broker") from error

    async def _consumer(
        self, stream: str, name: str, subject: str
    ) -> JetStreamContext.PullSubscription:
        config = ConsumerConfig(
            durable_name=name,
            filter_subject=subject,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=LEASE.total_seconds(),
            max_ack_pending=_MAX_IN_WORK,
            max_deliver=-1,
        )
        try:
            await self._context.add_consumer(stream, config)
            return await self._context.pull_subscribe_bind(consumer=name, stream=stream)
        except (nats.errors.Error, TimeoutError) as error:
            raise Unavailable("broker") from error

    async def _put(self, subject: str, message: bytes, headers: Mapping[str, str]) -> None:
        try:
            await self._context.publish(
                subject, message, timeout=_PUT_TIMEOUT_S, headers=dict(headers)
            )
        except (nats.errors.Error, NoStreamResponseError, TimeoutError) as error:
            raise Unavailable("broker") from error


def _subject(platform: Platform, instance_id: InstanceId, rest: str) -> str:
    return f"deliver.{platform}.{instance_id}.{rest}"
