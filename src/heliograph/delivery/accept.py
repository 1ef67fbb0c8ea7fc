"""Accepting a publish: it gets its id, and is on disk when the app's server gets its answer."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from heliograph.delivery.enrich import message_for
from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId, PublishId, new_publish_id
from heliograph.model.publish import Audience, Publish


class PublishStream(Protocol):
    """Where accepted publishes go."""

    async def put_publish(self, publish: Publish) -> None: ...


class Accept:
    """Accepts publishes."""

    def __init__(self, stream: PublishStream, now: Callable[[], datetime]) -> None:
        self._stream = stream
        self._now = now

    async def __call__(
        self,
        instance_id: InstanceId,
        audience: Audience,
        payloads: dict[Platform, dict[str, Any]],
    ) -> PublishId:
        """Put the publish on its way; from here on it is delivered, or reported as failed.

        Raises Invalid if a payload is not what its platform can take, Unavailable if the publish
        could not be stored; then nothing was accepted.
        """
        now = self._now()
        publish = Publish(
            id=new_publish_id(),
            instance_id=instance_id,
            accepted_at=now,
            audience=audience,
            payloads=payloads,
        )
        for platform, payload in payloads.items():
            message_for(platform, payload, instance_id, publish.id, accepted_at=now)
        await self._stream.put_publish(publish)
        return publish.id
