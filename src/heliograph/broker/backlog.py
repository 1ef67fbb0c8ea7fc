"""How much waits on the streams: one question for each, whatever it holds."""

from datetime import datetime

import msgspec
import nats.errors
from nats.aio.client import Client

from heliograph.model.errors import Unavailable

_TIMEOUT_S = 1.0


class Backlog(msgspec.Struct, frozen=True):
    """What is on a stream. oldest_at: since when its oldest message is there."""

    messages: int
    size_bytes: int = msgspec.field(name="bytes")
    oldest_at: datetime = msgspec.field(name="first_ts")

    def age_s(self, now: datetime) -> float:
        """How long the oldest has been there; 0 without any."""
        return max((now - self.oldest_at).total_seconds(), 0) if self.messages else 0


class _Info(msgspec.Struct):
    """A part of what JetStream says of a stream (io.nats.jetstream.api.v1.stream_info_response)."""

    state: Backlog


async def backlog_of(client: Client, stream: str) -> Backlog:
    """Ask the broker. Raises Unavailable."""
    # Not by the client's stream_info, which leaves out when the oldest message came.
    subject = f"$JS.API.STREAM.INFO.{stream}"
    try:
        answer = await client.request(subject, timeout=_TIMEOUT_S)
        return msgspec.json.decode(answer.data, type=_Info).state
    except (nats.errors.Error, TimeoutError, msgspec.ValidationError) as error:
        raise Unavailable("broker") from error
