"""Web Push: how browsers are reached. RFC 8030 with RFC 8291 encryption and RFC 8292 VAPID."""

import base64
import hashlib
import math
import os
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
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
from heliograph.gateways.retry_after import retry_after
from heliograph.gateways.vapid import VapidSigner
from heliograph.model.credential import VapidKey
from heliograph.model.device import Device, Subscription, subscription_of
from heliograph.model.verdict import (
    CredentialRefused,
    Delivered,
    DeviceGone,
    Drop,
    HostLost,
    Retry,
    Verdict,
)

_DELIVERED = Delivered()
_SALT_BYTES = 16
_SUCCESS = range(200, 300)
_SERVER_ERROR = range(500, 600)
_TOPIC_BYTES = 24
_APPLE = "web.push.apple.com"
_WINDOWS = ".notify.windows.com"
_MOZILLA_SIGNATURE = re.compile(rb'"errno"\s*:\s*109\b')
_MAX_KEYS_TRIED = 3


class WebPush:
    """Sends to the push service that a browser's subscription names."""

    def __init__(
        self,
        http: Http,
        keys: Sequence[VapidKey],
        signer: VapidSigner,
        now: Callable[[], datetime],
    ) -> None:
        self._http = http
        self._keys = keys
        self._signer = signer
        self._now = now

    async def send(self, message: Message, device: Device) -> Verdict:
        subscription = subscription_of(device.push_token)
        verdict: Verdict = CredentialRefused("there is no VAPID key")
        for key in _in_order(self._keys, device.vapid_key)[:_MAX_KEYS_TRIED]:
            verdict = await self._send(message, subscription, key)
            # The subscription may be of another key: of one that was replaced while it was made.
            if not (isinstance(verdict, DeviceGone) and verdict.mismatch):
                break
        return verdict

    async def _send(self, message: Message, subscription: Subscription, key: VapidKey) -> Verdict:
        origin = origin_of(subscription.endpoint)
        authorization = self._signer.authorization(key, origin)
        answer = await self._try(message, subscription, authorization)
        if isinstance(answer, Response) and answer.status == 401:  # noqa: PLR2004
            # The signature may be too old by the service's clock: once more with a new one.
            self._signer.forget(key, origin, authorization)
            authorization = self._signer.authorization(key, origin)
            answer = await self._try(message, subscription, authorization)
        match answer:
            case Response():
                return verdict_of(answer, self._now())
            case NoResponse(reason, host_unknown=True):
                return HostLost(Retry(reason))
            case NoResponse(reason):
                return Retry(reason)
            case NotAllowed():
                return HostLost(Drop("the endpoint is in a network that must not be reached"))

    async def _try(
        self, message: Message, subscription: Subscription, authorization: str
    ) -> Response | NoResponse | NotAllowed:
        time_to_live = message.time_to_live(self._now())
        request = request_for(message, subscription, authorization, time_to_live=time_to_live)
        return await self._http.exchange(request)


def request_for(
    message: Message, subscription: Subscription, authorization: str, *, time_to_live: timedelta
) -> Request:
    """The request that carries the message, encrypted for this browser alone."""
    host = host_of(origin_of(subscription.endpoint))
    seconds = math.ceil(time_to_live.total_seconds())
    headers = {
        "TTL": str(seconds),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "Authorization": authorization,
        **message.headers,
    }
    if host.endswith(_WINDOWS):
        # Windows refuses a TTL of 0 unless it is also told not to keep the message.
        headers["X-WNS-Cache-Policy"] = "cache" if seconds else "no-cache"
    body = encrypt(
        _always_shown(message.body) if host == _APPLE else message.body,
        p256dh=subscription.p256dh,
        auth=subscription.auth,
        salt=os.urandom(_SALT_BYTES),
        sender=fresh_key(),
    )
    return Request(url=subscription.endpoint, headers=headers, body=body)


@lru_cache(maxsize=1024)
def host_of(origin: str) -> str:
    """The push service's host name."""
    return urlsplit(origin).hostname or ""


def verdict_of(response: Response, now: datetime) -> Verdict:
    """What a push service's answer means. RFC 8030, 5 to 8, and what the services add to it."""
    status = response.status
    if status in _SUCCESS:
        return _taken_by_windows(response, now)
    asked = retry_after(response.header("retry-after"), now)
    reason = f"HTTP {status}"
    if status in {404, 410}:
        return DeviceGone(reason)
    about_key = _about_our_key(response, reason)
    if about_key is not None:
        return about_key
    # 406 is how Windows' service says that it throttles.
    throttled = status == 406 and any(name.startswith("x-wns-") for name in response.headers)  # noqa: PLR2004
    if throttled or status == 429 or status in _SERVER_ERROR:  # noqa: PLR2004
        return Retry(reason, asked)
    return Drop(reason)


def _about_our_key(response: Response, reason: str) -> Verdict | None:
    """What an answer says of our VAPID key or signature; None if it is about something else."""
    status, body = response.status, response.body
    if b"VapidPkHashMismatch" in body:
        return DeviceGone(f"{reason} VapidPkHashMismatch", mismatch=True)
    if b"UnauthorizedRegistration" in body or b"BadVapidPublicKey" in body:
        return CredentialRefused(reason)
    if status == 401:  # noqa: PLR2004
        # Mozilla says so of a signature that is wrong, and of another key than the subscription's.
        of_another_key = _MOZILLA_SIGNATURE.search(body) is not None
        return DeviceGone(reason, mismatch=True) if of_another_key else CredentialRefused(reason)
    if status == 403:  # noqa: PLR2004
        # A good signature, but of another key (RFC 8292, 4.2). Apple means the signature itself.
        of_signature = b"BadJwtToken" in body or b"BadAuthorizationHeader" in body
        return CredentialRefused(reason) if of_signature else DeviceGone(reason, mismatch=True)
    return None


def _in_order(keys: Sequence[VapidKey], own: str | None) -> Sequence[VapidKey]:
    """The key that the subscription was made with, as far as is known, then the others."""
    if len(keys) == 1:
        return keys
    return sorted(keys, key=lambda key: key.public_key != own)


def _taken_by_windows(response: Response, now: datetime) -> Verdict:
    """Windows' service says in headers what became of a message that it took; others don't."""
    said = response.header("x-wns-status") or response.header("x-wns-notificationstatus")
    if said is None:
        return _DELIVERED
    if said.lower().endswith("throttled"):
        return Retry(f"Windows: {said}", retry_after(response.header("retry-after"), now))
    return Drop(f"Windows: {said}") if said.lower() == "dropped" else _DELIVERED


def topic_header(topic: str) -> str:
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
