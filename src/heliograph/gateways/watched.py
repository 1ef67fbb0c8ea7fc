"""A gateway that is watched: how long each message takes, and what is said of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

from heliograph.gateways.base import Gateway, Message, OpenGateway
from heliograph.model.credential import Credential
from heliograph.model.device import Device, Platform
from heliograph.model.publish import AudienceKind
from heliograph.model.verdict import (
    CredentialRefused,
    Delivered,
    DeviceGone,
    Drop,
    HostLost,
    Postponed,
    Retry,
    Verdict,
)
from heliograph.telemetry.watch import UNWATCHED, Watch

_CALLED_OFF = "called_off"
_WORDS = {
    Delivered: "delivered",
    Retry: "retry",
    Postponed: "postponed",
    Drop: "drop",
    HostLost: "host_lost",
    DeviceGone: "device_gone",
    CredentialRefused: "credential_refused",
}


def watched(
    open_gateway: OpenGateway, platform: Platform, audience: AudienceKind, watch: Watch
) -> OpenGateway:
    """Opens the same gateways, watched; without anybody who watches, just the same."""
    if watch is UNWATCHED:
        return open_gateway

    @asynccontextmanager
    async def open_watched(credential: Credential) -> AsyncIterator[Gateway]:
        async with open_gateway(credential) as gateway:
            yield _Watched(gateway, platform, audience, watch)

    return open_watched


class _Watched:
    def __init__(
        self, gateway: Gateway, platform: Platform, audience: AudienceKind, watch: Watch
    ) -> None:
        self._gateway = gateway
        self._lane = platform.value, audience.value
        self._watch = watch

    async def send(self, message: Message, device: Device) -> Verdict:
        word, began = _CALLED_OFF, perf_counter()
        self._watch.meter.push_began(*self._lane)
        with self._watch.tracer.push(self._lane[0]) as step:
            try:
                said = await self._gateway.send(message, device)
                word = _WORDS[type(said)]
            finally:
                step.ended(word)
                self._watch.meter.push_ended(*self._lane, word, perf_counter() - began)
        return said
