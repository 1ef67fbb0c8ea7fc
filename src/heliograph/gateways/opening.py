"""Opening gateways: each with connections of its own, and with what all of a kind share."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Self

from heliograph.gateways import access_token, apns, fcm
from heliograph.gateways.access_token import AccessTokens
from heliograph.gateways.apns import Apns
from heliograph.gateways.base import Gateway
from heliograph.gateways.fcm import Fcm
from heliograph.gateways.guard import ANYWHERE, Guard
from heliograph.gateways.http2 import Http, origin_of
from heliograph.gateways.pace import Paced
from heliograph.gateways.provider_token import ProviderTokens
from heliograph.gateways.vapid import VapidSigner
from heliograph.gateways.webpush import WebPush
from heliograph.model.credential import (
    ApnsCertificate,
    ApnsKey,
    Credential,
    ServiceAccount,
    WebIdentity,
)
from heliograph.model.device import Device, subscription_of

_KEEP = timedelta(hours=1)
"""Apple and Google want few connections that last."""
_APPLES = 500
"""Streams that APNs grants, or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the gateways are. None: where their makers have them."""

    apns: str | None = None
    fcm: str | None = None
    fcm_token: str | None = None


class Gateways:
    """Opens gateways; a context that holds what they share: provider and access tokens.

    guard: for the endpoints that browsers name. authority: CAs in PEM, trusted besides the
    system's. subject: who push services are told is sending, unless the instance has its own.
    may_send: asked right before each request.
    """

    def __init__(
        self,
        addresses: Addresses,
        guard: Guard,
        authority: bytes | None,
        subject: str | None,
        now: Callable[[], datetime],
        *,
        may_send: Callable[[], bool],
    ) -> None:
        self._addresses = addresses
        self._guard = guard
        self._subject = subject
        self._now = now
        self._http = partial(Http, authority=authority, may_send=may_send)
        self._provider_tokens = ProviderTokens(now)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        http = await self._stack.enter_async_context(self._http(ANYWHERE, keep=_KEEP))
        url = self._addresses.fcm_token or access_token.TOKEN_URL
        self.access_tokens = AccessTokens(http, url, self._now)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def open(self, credential: Credential) -> AsyncIterator[Gateway]:
        """A gateway that sends with the credential, and waits when it is asked to."""
        match credential:
            case ApnsKey() | ApnsCertificate():
                async with self.open_apns(credential) as gateway:
                    yield Paced(gateway, _the_same, self._now)
            case ServiceAccount():
                self.access_tokens.forgive(credential)
                async with self._http(ANYWHERE, only_http2=True, keep=_KEEP) as http:
                    url = self._addresses.fcm or fcm.URL
                    account = Fcm(http, url, credential, self.access_tokens, self._now)
                    yield Paced(account, _the_same, self._now)
            case WebIdentity(subject=subject, keys=keys):
                signer = VapidSigner(subject or self._subject, self._now)
                async with self._http(self._guard) as http:
                    web = WebPush(http, keys, signer, self._now)
                    yield Paced(web, _push_service, self._now)

    @asynccontextmanager
    async def open_apns(self, credential: ApnsKey | ApnsCertificate) -> AsyncIterator[Apns]:
        """A gateway to APNs that does not wait, whatever it is asked to."""
        identity = None if isinstance(credential, ApnsKey) else credential.identity_pem
        url = self._addresses.apns or (apns.SANDBOX if credential.sandbox else apns.PRODUCTION)
        http2 = self._http(
            ANYWHERE, identity=identity, only_http2=True, keep=_KEEP, streams=_APPLES
        )
        async with http2 as http:
            yield Apns(http, url, credential, self._provider_tokens, self._now)


def _the_same(_device: Device) -> str:
    return ""


def _push_service(device: Device) -> str:
    return origin_of(subscription_of(device.push_token).endpoint)
