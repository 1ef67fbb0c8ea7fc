"""Web Push: how browsers are reached. RFC 8030 with RFC 8291 encryption and RFC 8292 VAPID."""

import math
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

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
    body = encrypt(
        message.body,
        p256dh=subscription.p256dh,
        auth=subscription.auth,
        salt=os.urandom(_SALT_BYTES),
        sender=fresh_key(),
    )
    headers = {
        "TTL": str(math.ceil(message.time_to_live.total_seconds())),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "Authorization": authorization,
    }
    return Request(url=subscription.endpoint, headers=headers, body=body)


def verdict_of(response: Response, now: datetime) -> Verdict:
    """What a push service's answer means, the same for all of them. RFC 8030, 5 to 8."""
    status, reason = response.status, f"HTTP {response.status}"
    if status in _SUCCESS:
        return Delivered()
    if status in {404, 410}:
        return DeviceGone(reason)
    if status in {401, 403}:
        return CredentialRefused(reason)
    # 406 is how Windows' service says that it throttles.
    if status in {406, 429} or status in _SERVER_ERROR:
        return Retry(reason, retry_after(response.headers.get("retry-after"), now))
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


def _origin(subscription: Subscription) -> str:
    return origin_of(urlsplit(subscription.endpoint))
