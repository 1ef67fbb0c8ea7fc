"""Web Push: how browsers are reached. RFC 8030 with RFC 8291 encryption and RFC 8292 VAPID."""

import base64
import hashlib
import math
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from heliograph.gateways.base import Message
from heliograph.gateways.encrypt import encrypt, fresh_key
from heliograph.gateways.http2 import (
    Http,
    NoResponse,
    NotAllowed,
    Request,
    Response,
    origin_of,
)
from heliograph.gateways.vapid import VapidSigner
from heliograph.model.device import Device, Platform, Subscription, subscription_of
from heliograph.model.instance import VapidKey
from heliograph.model.verdict import (
    CredentialRefused,
    Delivered,
    DeviceGone,
    Drop,
    Retry,
    Verdict,
)

_SALT_BYTES = 16
_SUCCESS = range(200, 300)
_SERVER_ERROR = range(500, 600)
_TOPIC_BYTES = 24
_APPLE = "web.push.apple.com"
_WINDOWS = ".notify.windows.com"
_SAID_OF_CREDENTIALS = (b"UnauthorizedRegistration", b"BadVapidPublicKey", b"VapidPkHashMismatch")
"""Google's and Apple's words in a 400 that is about our VAPID key, not about the message."""


class WebPush:
    """Sends to the push service that a browser's subscription names."""

    platform = Platform.WEB

    def __init__(self, http: Http, signer: VapidSigner, now: Callable[[], datetime]) -> None:
        self._http = http
        self._signer = signer
        self._now = now

    async def send(self, message: Message, device: Device, credential: VapidKey) -> Verdict:
        subscription = subscription_of(device.push_token)
        verdict = await self._try(message, subscription, credential)
        if isinstance(verdict, CredentialRefused):
            # The signature may be too old by the service's clock: once more with a new one.
            self._signer.forget(credential, _origin(subscription))
            verdict = await self._try(message, subscription, credential)
        return verdict

    async def _try(
        self, message: Message, subscription: Subscription, credential: VapidKey
    ) -> Verdict:
        authorization = self._signer.authorization(credential, _origin(subscription))
        answer = await self._http.exchange(request_for(message, subscription, authorization))
        match answer:
            case Response():
                return verdict_of(answer, self._now())
            case NoResponse(reason):
                return Retry(reason)
            case NotAllowed():
                return Drop("the endpoint is in a network that must not be reached")


def request_for(message: Message, subscription: Subscription, authorization: str) -> Request:
    """The request that carries the message, encrypted for this browser alone."""
    host = urlsplit(subscription.endpoint).hostname or ""
    time_to_live = math.ceil(message.time_to_live.total_seconds())
    headers = {
        "TTL": str(time_to_live),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "Authorization": authorization,
    }
    if message.urgency is not None:
        headers["Urgency"] = message.urgency
    if message.topic is not None:
        headers["Topic"] = _topic_header(message.topic)
    if host.endswith(_WINDOWS):
        # Windows refuses a TTL of 0 unless it is also told not to keep the message.
        headers["X-WNS-Cache-Policy"] = "cache" if time_to_live else "no-cache"
    body = encrypt(
        _always_shown(message.body) if host == _APPLE else message.body,
        p256dh=subscription.p256dh,
        auth=subscription.auth,
        salt=os.urandom(_SALT_BYTES),
        sender=fresh_key(),
    )
    return Request(url=subscription.endpoint, headers=headers, body=body)


def verdict_of(response: Response, now: datetime) -> Verdict:
    """What a push service's answer means. RFC 8030, 5 to 8, and what the services add to it."""
    status, reason = response.status, f"HTTP {response.status}"
    asked = retry_after(response.headers.get("retry-after"), now)
    if status in _SUCCESS:
        return _taken_by_windows(response, asked)
    if status in {404, 410}:
        return DeviceGone(reason)
    if status in {401, 403} or any(word in response.body for word in _SAID_OF_CREDENTIALS):
        return CredentialRefused(reason)
    # 406 is how Windows' service says that it throttles.
    if status in {406, 429} or status in _SERVER_ERROR:
        return Retry(reason, asked)
    return Drop(reason)


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """Seconds, or a date (RFC 9110, 10.2.3); None if there is no readable one."""
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        return min(timedelta(seconds=int(header[:9])), timedelta(days=28))
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(timedelta(), date.replace(tzinfo=date.tzinfo or UTC) - now)


def _taken_by_windows(response: Response, asked: timedelta | None) -> Verdict:
    """Windows' service says in headers what became of a message that it took; others don't."""
    said = response.headers.get("x-wns-status") or response.headers.get("x-wns-notificationstatus")
    if said is not None and said.lower().endswith("throttled"):
        return Retry(f"Windows: {said}", asked)
    if said is not None and said.lower() == "dropped":
        return Drop(f"Windows: {said}")
    return Delivered()


def _topic_header(topic: str) -> str:
    """Any text as 32 characters of base64url: the one form that every service takes."""
    digest = hashlib.sha256(topic.encode()).digest()[:_TOPIC_BYTES]
    return base64.urlsafe_b64encode(digest).decode()


@lru_cache(maxsize=64)
def _always_shown(body: bytes) -> bytes:
    """The message without the wish to hide it from a page that has the focus.

    Apple takes the subscription away from who lets three pushes pass without showing anything.
    """
    content = msgspec.json.decode(body)
    content.get("notification", {}).pop("hide_notification_if_site_has_focus", None)
    return msgspec.json.encode(content)


def _origin(subscription: Subscription) -> str:
    return origin_of(urlsplit(subscription.endpoint))
