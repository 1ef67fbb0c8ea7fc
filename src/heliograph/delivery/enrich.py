"""What a client SDK needs in a notification besides what the app wrote: the `pusher` metadata.

Without it the official web SDK ignores a push, and no SDK can acknowledge one.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from heliograph.gateways.base import Message
from heliograph.model.errors import Invalid
from heliograph.model.ids import InstanceId, PublishId
from heliograph.model.limits import MAX_WEB_PAYLOAD_BYTES
from heliograph.model.publish import time_to_live, topic, urgency

_FOR_THE_PUSH_SERVICE = frozenset({"time_to_live", "urgency", "topic"})
"""What travels in headers, not in what the browser decrypts."""


def web_message(
    payload: Mapping[str, Any],
    instance_id: InstanceId,
    publish_id: PublishId,
    *,
    accepted_at: datetime,
    now: datetime,
) -> Message:
    """What browsers get: the app's `web` object with `data.pusher` added.

    Its time to live counts from when the publish was accepted.
    Raises Invalid if it is too large for Web Push.
    """
    body = msgspec.json.encode(_enriched(payload, instance_id, publish_id))
    if len(body) > MAX_WEB_PAYLOAD_BYTES:
        over = len(body) - MAX_WEB_PAYLOAD_BYTES
        limit = f"Web Push takes {MAX_WEB_PAYLOAD_BYTES}, metadata included"
        raise Invalid("web", f"is {over} bytes too large: {limit}")
    left = time_to_live(payload) - max(now - accepted_at, timedelta())
    return Message(
        body=body,
        time_to_live=max(left, timedelta()),
        urgency=urgency(payload),
        topic=topic(payload),
    )


def _enriched(
    payload: Mapping[str, Any], instance_id: InstanceId, publish_id: PublishId
) -> dict[str, Any]:
    data = payload.get("data", {})
    pusher = {
        "instanceId": instance_id,
        "publishId": publish_id,
        "hasDisplayableContent": "notification" in payload,
        "hasData": bool(data),
    }
    rest = {key: value for key, value in payload.items() if key not in _FOR_THE_PUSH_SERVICE}
    return {**rest, "data": {**data, "pusher": pusher}}
