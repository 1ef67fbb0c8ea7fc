"""What each vendor's push service needs to be told."""

import json
import os
import re
from datetime import UTC, datetime, timedelta

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from heliograph.gateways.base import Message
from heliograph.gateways.http2 import Request
from heliograph.gateways.webpush import request_for, topic_header
from heliograph.model.device import Subscription

BROWSER = ec.generate_private_key(ec.SECP256R1())
AUTH = os.urandom(16)
SHOWN = {"title": "Hi", "hide_notification_if_site_has_focus": True}


def request_to(host: str, *, seconds: int = 60, topic: str | None = None) -> Request:
    point = BROWSER.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    subscription = Subscription(f"https://{host}/send/1", point, AUTH)
    body = json.dumps({"notification": SHOWN, "data": {}}).encode()
    headers = {} if topic is None else {"Topic": topic_header(topic)}
    message = Message(body=body, headers=headers, expires_at=datetime.now(UTC))
    time_to_live = timedelta(seconds=seconds)
    return request_for(message, subscription, "vapid t=…, k=…", time_to_live=time_to_live)


def decrypted(request: Request) -> dict[str, object]:
    body = http_ece.decrypt(
        request.body, private_key=BROWSER, auth_secret=AUTH, version="aes128gcm"
    )
    return dict(json.loads(body))


def test_apple_is_never_asked_to_hide_a_notification() -> None:
    assert decrypted(request_to("web.push.apple.com"))["notification"] == {"title": "Hi"}
    assert decrypted(request_to("fcm.googleapis.com"))["notification"] == SHOWN


@pytest.mark.parametrize(("seconds", "policy"), [(0, "no-cache"), (60, "cache")])
def test_windows_alone_is_told_whether_to_keep_the_message(seconds: int, policy: str) -> None:
    headers = request_to("wns2-par02p.notify.windows.com", seconds=seconds).headers
    assert headers["X-WNS-Cache-Policy"] == policy
    assert "X-WNS-Cache-Policy" not in request_to("notify.windows.com.example").headers


@pytest.mark.parametrize("topic", ["", "a", "score of the match", "żółw 🐢" * 50])
def test_any_topic_becomes_one_that_every_service_takes(topic: str) -> None:
    header = request_to("push.example", topic=topic).headers["Topic"]
    assert re.fullmatch("[A-Za-z0-9_-]{32}", header)
    assert header == request_to("push.example", topic=topic).headers["Topic"]
    assert header != request_to("push.example", topic=topic + "!").headers["Topic"]
