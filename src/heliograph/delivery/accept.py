"""Accepting a publish: it gets its id, and is on disk when the app's server gets its answer.

With an idempotency key, asking again changes nothing. The key's row in SQL decides the id, and is
there before the publish is put on the stream; the stream's acknowledgement decides the 200, as
always. A repeat puts the same id on the stream again, since nobody knows whether it got there. If
the first ended

- before the row was written, nothing had happened: the repeat is the first;
- before it was put, the repeat puts it there;
- later, the stream takes the repeat for what it is, for two minutes (streams.py). After these its
  message is one more: the fan-out drops it if the publish is fanned out, and if that is under way,
  each page is noted, and its batch sent, once (fanout.py).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec

from heliograph.delivery import told
from heliograph.delivery.enrich import message_for
from heliograph.model.device import Platform
from heliograph.model.errors import Invalid
from heliograph.model.ids import IdempotencyKey, InstanceId, PublishId, new_publish_id
from heliograph.model.live import Tell
from heliograph.model.publish import Audience, Publish
from heliograph.model.webhook import Callback, receiver_of
from heliograph.store import idempotency, webhook_calls
from heliograph.store.engine import Store
from heliograph.telemetry.logs import know


class PublishStream(Protocol):
    """Where accepted publishes go."""

    async def put_publish(self, publish: Publish) -> None: ...


class Accept:
    """Accepts publishes."""

    def __init__(
        self, store: Store, stream: PublishStream, now: Callable[[], datetime], tell: Tell
    ) -> None:
        self._store = store
        self._stream = stream
        self._now = now
        self._tell = tell

    async def __call__(
        self,
        instance_id: InstanceId,
        audience: Audience,
        payloads: dict[Platform, dict[str, Any]],
        key: IdempotencyKey | None,
        *,
        webhook_url: str | None = None,
    ) -> PublishId:
        """Put the publish on its way; from here on it is delivered, or reported as failed.

        With a key that came with the same publish before, it is that one, and sent once.

        Raises Invalid if a payload is not what its platform can take, or the key stands for
        another publish, Unavailable if the publish could not be stored; then nothing was accepted.
        """
        now = self._now()
        publish = Publish(
            id=new_publish_id(),
            instance_id=instance_id,
            accepted_at=now,
            audience=audience,
            payloads=payloads,
            callback=None if webhook_url is None else self._callback(instance_id, webhook_url),
        )
        for platform, payload in payloads.items():
            message_for(platform, payload, instance_id, publish.id, accepted_at=now)
        if key is not None:
            publish = msgspec.structs.replace(
                publish, id=await self._id_under(key, publish, webhook_url)
            )
        know(publish_id=publish.id)
        await self._stream.put_publish(publish)
        self._tell(instance_id, lambda: told.accepted(publish))
        return publish.id

    def _callback(self, instance_id: InstanceId, url: str) -> Callback:
        purpose = webhook_calls.callback_purpose(instance_id)
        return Callback(self._store.seal.close(url.encode(), purpose), receiver_of(url))

    async def _id_under(
        self, key: IdempotencyKey, publish: Publish, webhook_url: str | None
    ) -> PublishId:
        publish_id = await self._store.write(
            lambda tx: idempotency.claim(tx, key, publish, webhook_url=webhook_url)
        )
        if publish_id is None:
            raise Invalid("Idempotency-Key", "was used for another publish within 24 hours")
        return publish_id
