"""What webhooks are told: the bodies of calls, as pure functions, in Pusher Beams' words.

https://pusher.com/docs/beams/reference/webhooks/
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId, PublishId, UserId
from heliograph.model.webhook import (
    Call,
    CallbackStatus,
    Webhook,
    WebhookEvent,
    new_call_id,
    without_password,
)


def body_of(
    event: WebhookEvent,
    event_id: str,
    payload: Mapping[str, Any],
    custom_data: Mapping[str, Any] | msgspec.Raw,
    *,
    created_at: datetime,
) -> bytes:
    """The body of a call: exactly these bytes are signed, and sent at each try."""
    metadata = {
        "created_at": f"{created_at:%Y-%m-%dT%H:%M:%S}+0000",
        "event_type": event,
        "event_id": event_id,
        "product": "beams",
    }
    envelope = {"payload": payload, "metadata": metadata, "custom_data": custom_data}
    return msgspec.json.encode(envelope)


class Reached(StrEnum):
    """What became of a publish for one of its users, by the best of the user's devices."""

    DELIVERED = "users_delivered_to_gateway"
    FAILED = "users_gateway_failed"
    NO_DEVICES = "users_no_devices"


def attempt_payload(
    instance_id: InstanceId,
    publish_id: PublishId,
    users: Sequence[UserId],
    reached: Mapping[UserId, Reached],
) -> dict[str, Any]:
    """Of ATTEMPT: each user in exactly one list. reached: of users with devices."""
    lists: dict[str, list[UserId]] = {one: [] for one in Reached}
    for user in users:
        lists[reached.get(user, Reached.NO_DEVICES)].append(user)
    return {"instance_id": instance_id, "publish_id": publish_id, **lists}


def report_payload(
    instance_id: InstanceId, publish_id: PublishId, user_id: UserId
) -> dict[str, Any]:
    """Of ACKNOWLEDGEMENT and OPEN."""
    return {"instance_id": instance_id, "publish_id": publish_id, "user_id": user_id}


def call_for_a_test(webhook: Webhook, instance_id: InstanceId, *, now: datetime) -> Call:
    """A call of the webhook's first event, about nobody and a publish that never was."""
    event, publish_id = webhook.events[0], PublishId(f"pubid-{uuid.UUID(int=0)}")
    if event is WebhookEvent.ATTEMPT:
        payload = attempt_payload(instance_id, publish_id, [], {})
    else:
        payload = report_payload(instance_id, publish_id, UserId("test"))
    event_id = str(uuid.uuid4())
    return Call(
        id=new_call_id(),
        instance_id=instance_id,
        webhook_id=webhook.id,
        url=webhook.url,
        secret=webhook.secret,
        event=event,
        body=body_of(event, event_id, payload, webhook.custom_data, created_at=now),
        tries=0,
        leased_until=now,
    )


def started_body(publish_id: PublishId, request_body: Mapping[str, Any]) -> bytes:
    """Of a callback. request_body: what was published, without `webhookUrl`: see below."""
    told = {"publishId": publish_id, "status": CallbackStatus.STARTED, "requestBody": request_body}
    return msgspec.json.encode(told)


def finished_body(started: bytes, counts: Mapping[str, Mapping[str, int]]) -> bytes:
    """Of the other. counts: by platform, as they are counted of a publish."""
    told = msgspec.json.decode(started)
    results = {
        platform: _result_of(counts.get(platform, {}))
        for platform in Platform
        if platform in told["requestBody"]
    }
    return msgspec.json.encode({**told, "status": CallbackStatus.FINISHED, "results": results})


def _result_of(counts: Mapping[str, int]) -> dict[str, int]:
    numbers = {
        "numSuccessfulPublishes": counts.get("delivered", 0),
        "numFailedPublishes": sum(counts.get(name, 0) for name in _NOT_REACHED),
    }
    return {name: number for name, number in numbers.items() if number}


_NOT_REACHED = ("failed", "removed", "cancelled")
"""Not those that were untied: these devices were no longer there."""


def callback_body(body: bytes, url: str) -> bytes:
    """The same with `webhookUrl`, which may be a secret and is kept apart, but not its password."""
    told = msgspec.json.decode(body)
    told["requestBody"]["webhookUrl"], _ = without_password(url)
    return msgspec.json.encode(told)
