"""What the subject of a message says of it, without a look at the message itself."""

from collections.abc import Mapping
from dataclasses import dataclass

from nats.aio.msg import Msg


@dataclass(frozen=True, slots=True)
class About:
    """Which stream a message is on, and whom it is for: instance_id, publish_id, platform."""

    stream: str
    ids: Mapping[str, str]


def stream_of(subject: str) -> str:
    """The stream that takes messages of this subject; see streams.py."""
    match subject.split("."):
        case ["deliver", audience, *_]:
            return f"DELIVER-{audience}"
        case [first, *_]:
            return first.upper()
    raise AssertionError(subject)


def about(message: Msg) -> About:
    """What is known of a message of the streams PUBLISH, SHARDS and DELIVER."""
    match message.subject.split("."):
        case ["publish", _, instance_id]:
            ids = {"instance_id": instance_id}
            if message.headers and "Nats-Msg-Id" in message.headers:
                ids["publish_id"] = message.headers["Nats-Msg-Id"]
        case ["shards", instance_id, publish_id, platform, _]:
            ids = {"instance_id": instance_id, "publish_id": publish_id, "platform": platform}
        case ["deliver", _, platform, instance_id, publish_id, *_]:
            ids = {"instance_id": instance_id, "publish_id": publish_id, "platform": platform}
        case _:
            ids = {}
    return About(stream_of(message.subject), ids)
