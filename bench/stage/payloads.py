"""What is published, about a kilobyte for each device, and what of it goes to a gateway."""

from datetime import UTC, datetime
from typing import Any

from heliograph.delivery.enrich import message_for
from heliograph.gateways.base import Message
from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId, PublishId

_TITLE = "Your order is on its way"
_BODY = "x" * 800
_NOTIFICATION = {"title": _TITLE, "body": _BODY}
PAYLOADS: dict[str, dict[str, Any]] = {
    "apns": {"apns": {"aps": {"alert": _NOTIFICATION}}},
    "fcm": {"fcm": {"notification": _NOTIFICATION}},
    "web": {"web": {"notification": _NOTIFICATION}},
}
"""Bodies of publishes, but for whom they are for."""


def message(platform: str, instance_id: str, publish_id: str) -> Message:
    """What Heliograph sends of such a publish: the payload with its metadata, and the headers."""
    return message_for(
        Platform(platform),
        PAYLOADS[platform][platform],
        InstanceId(instance_id),
        PublishId(publish_id),
        accepted_at=datetime.now(UTC),
    )
