"""Pace: a host or project that asks to wait is left in peace, while others go on.

One refused message may be about one device. Several devices in a row, without a success in between,
are about the whole host; then nothing more is sent there until the time is over.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from heliograph.gateways.base import Gateway, Message
from heliograph.model.device import Device
from heliograph.model.ids import DeviceId
from heliograph.model.verdict import HostLost, Postponed, Retry, Verdict

_BUSY_ANSWERS = 5
_PAUSE = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(minutes=10)
_MAX_HOSTS = 1024


@dataclass(slots=True)
class _Host:
    refused: set[DeviceId] = field(default_factory=set)
    until: datetime | None = None


class Paced:
    """A gateway that waits when it is asked to. host_of: what a device's message is sent to."""

    def __init__(
        self,
        gateway: Gateway,
        host_of: Callable[[Device], str],
        now: Callable[[], datetime],
    ) -> None:
        self._gateway = gateway
        self._host_of = host_of
        self._now = now
        self._hosts: OrderedDict[str, _Host] = OrderedDict()

    async def send(self, message: Message, device: Device) -> Verdict:
        # While all hosts are well, which one it is need not be known.
        if self._hosts and (wait := self._wait(self._host_of(device))) is not None:
            return Postponed(wait)
        verdict = await self._gateway.send(message, device)
        said = verdict.then if isinstance(verdict, HostLost) else verdict
        if isinstance(said, Retry):
            self._busy(self._host_of(device), device.id, said.after)
        elif self._hosts:
            self._hosts.pop(self._host_of(device), None)
        return verdict

    def _wait(self, host: str) -> timedelta | None:
        known = self._hosts.get(host)
        if known is None or known.until is None:
            return None
        wait = known.until - self._now()
        # Longer than any pause: the clock has been set back.
        return wait if timedelta() < wait <= _LONGEST_PAUSE else None

    def _busy(self, host: str, device_id: DeviceId, asked: timedelta | None) -> None:
        known = self._hosts.setdefault(host, _Host())
        self._hosts.move_to_end(host)
        if len(known.refused) < _BUSY_ANSWERS:
            known.refused.add(device_id)
        if len(known.refused) >= _BUSY_ANSWERS:
            pause = min(asked or _PAUSE, _LONGEST_PAUSE)
            known.until = self._now() + max(pause, self._wait(host) or timedelta())
        if len(self._hosts) > _MAX_HOSTS:
            self._hosts.popitem(last=False)
