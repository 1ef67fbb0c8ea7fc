"""The requests that are measured: what apps and their devices ask most."""

import json
import time
from collections.abc import Sequence

import jwt

from bench.api.load import Request
from bench.stage.payloads import PAYLOADS
from tests.client import Instance
from tests.push_tokens import new_push_token

_JSON = {"Content-Type": "application/json"}
_DAY_S = 86_400
USER = "alice"


def publishes(instance: Instance, count: int) -> list[Request]:
    """Publishes to one user, who has one device."""
    headers = {**_JSON, **instance.publish.authorization}
    body = json.dumps({"users": [USER], **PAYLOADS["apns"]}).encode()
    path = f"{instance.publish.base}/publishes/users"
    return [Request("POST", path, headers, body)] * count


def registrations(instance: Instance, count: int) -> list[Request]:
    """Registrations of iPhones that are not known."""
    path = f"{instance.devices.base}/devices/apns"
    bundle = {"bundleIdentifier": "com.example.bench"}
    bodies = [{"token": new_push_token("apns"), **bundle} for _ in range(count)]
    return [Request("POST", path, _JSON, json.dumps(body).encode()) for body in bodies]


def users_set(instance: Instance, device_ids: Sequence[str]) -> list[Request]:
    """Each device given to a user of its own, with a Beams token."""
    issuer = f"https://{instance.id}.pushnotifications.pusher.com"
    expires_at = int(time.time()) + _DAY_S
    requests = []
    for number, device_id in enumerate(device_ids):
        claims = {"sub": f"user-{number}", "iss": issuer, "exp": expires_at}
        token = jwt.encode(claims, instance.secret_key, "HS256")
        path = f"{instance.devices.path_of(device_id)}/user"
        requests.append(Request("PUT", path, {"Authorization": f"Bearer {token}"}))
    return requests
