"""Devices that never were, in the form that `heliograph import` reads."""

import json
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.stage.fake import PROBE
from tests.push_tokens import new_push_token, new_web_subscription

ALL = "all"
"""The interest of all devices that a publish to many is for."""
PROBED_USER = "probed"
"""The user of the one device whose messages the fake tells one by one."""
_KEY_PAIRS = 1000
"""Browsers share so many key pairs, since to make one takes long; to use one costs the same."""


def write_devices(file: Path, platform: str, count: int, *, push_service: str) -> None:
    """Write so many devices with the interest, and the probed one. push_service: of browsers."""
    with file.open("w") as lines:
        for token in _tokens(platform, count, push_service):
            line = {"platform": platform, "token": token, "interests": [ALL]}
            lines.write(json.dumps(line) + "\n")
        if platform != "fcm":  # whose devices don't show in the path
            token = _probed_token(platform, push_service)
            line = {"platform": platform, "token": token, "userId": PROBED_USER}
            lines.write(json.dumps(line) + "\n")


def write_named_devices(file: Path, device_ids: Iterable[str]) -> None:
    """Write iPhones with these ids, of no user and without interests."""
    with file.open("w") as lines:
        for device_id in device_ids:
            line = {"platform": "apns", "token": new_push_token("apns"), "id": device_id}
            lines.write(json.dumps(line) + "\n")


def _tokens(platform: str, count: int, push_service: str) -> Iterator[Any]:
    if platform != "web":
        for _ in range(count):
            yield new_push_token(platform)
        return
    subscriptions = [new_web_subscription() for _ in range(min(count, _KEY_PAIRS))]
    for number in range(count):
        endpoint = f"{push_service}/push/{secrets.token_urlsafe(32)}"
        yield {**subscriptions[number % _KEY_PAIRS], "endpoint": endpoint}


def _probed_token(platform: str, push_service: str) -> Any:
    name = f"{secrets.token_hex(16)}{PROBE}"
    if platform == "web":
        return {**new_web_subscription(), "endpoint": f"{push_service}/push/{name}"}
    return name
