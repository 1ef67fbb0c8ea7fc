"""Browsers without a window: devices whose subscription is one of the fake push service's own."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from tests.client import Instance
from tests.push_service import PushService, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """A registered device, and the subscription at which its pushes arrive."""

    instance: Instance
    push_service: PushService
    device_id: str
    subscription: Subscription

    def received(self) -> list[dict[str, Any]]:
        """What arrived, decrypted, oldest first."""
        messages = self.push_service.messages(self.subscription)
        return [json.loads(message.text or "null") for message in messages]

    def titles(self) -> list[str]:
        return [message["notification"]["title"] for message in self.received()]

    def stop(self) -> None:
        """Tell the server what the SDK tells it when the app calls stop."""
        assert self.instance.devices.delete(self.device_id).status == 200


class Browsers:
    """Makes browsers of an instance."""

    def __init__(self, push_service: PushService, instance: Instance) -> None:
        self._push_service = push_service
        self.instance = instance

    def new(
        self,
        *,
        user: str | None = None,
        interests: tuple[str, ...] = (),
        vendor: str = "mozilla",
    ) -> Browser:
        """Subscribe and register a browser, tie it to the user, subscribe it to the interests.

        vendor: whose push service it uses, see PushService.subscribe.
        """
        devices = self.instance.devices
        key = devices.get_vapid_public_key().json()["vapidPublicKey"]
        subscription = self._push_service.subscribe(key, vendor)
        device_id = devices.register_web(subscription.as_json()).json()["id"]
        if user is not None:
            assert devices.put_user(device_id, self.instance.token(user)).status == 200
        if interests:
            assert devices.put_interests(device_id, interests).status == 200
        return Browser(
            instance=self.instance,
            push_service=self._push_service,
            device_id=device_id,
            subscription=subscription,
        )


def new_name(prefix: str) -> str:
    """A user or interest that no other test has."""
    return f"{prefix}-{secrets.token_hex(8)}"


def hello(title: str, **web: object) -> dict[str, object]:
    """A payload for browsers."""
    return {"web": {"notification": {"title": title, "body": "…"}, **web}}
