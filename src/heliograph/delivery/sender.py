"""Sending: a batch's targets to their gateway, many at once, each checked just before.

Whether a device is still there and still the user's is asked of the store right before its message
is handed over, a few dozen at a time and only when there is room for them on the connection; so a
stop() is in force for all that comes after it.
"""

import logging
import random
from asyncio import Queue, Semaphore, TaskGroup
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from heliograph.broker.worker import Done, Later, Lost, Outcome
from heliograph.delivery.enrich import web_message
from heliograph.delivery.settle import (
    BatchTakenOver,
    Expired,
    OpenBatch,
    Settlement,
    Untied,
)
from heliograph.gateways.base import Gateway, Message
from heliograph.model.batch import Batch, Target
from heliograph.model.device import Device
from heliograph.model.errors import NotFound
from heliograph.model.ids import DeviceId
from heliograph.model.instance import VapidKey
from heliograph.model.publish import time_to_live
from heliograph.model.verdict import CredentialRefused
from heliograph.store import batches, devices, instances
from heliograph.store.engine import Store

logger = logging.getLogger(__name__)

_MAX_IN_FLIGHT = 100
"""Targets that are with the gateway or not settled yet: what a crash may send twice. As many as
most services take at once on a connection (SETTINGS_MAX_CONCURRENT_STREAMS): more would wait in
the HTTP client, where a stop() no longer reaches them."""
_MAX_CHECKED_AT_ONCE = 32
_LEAST_TIME = timedelta(seconds=10)
"""A message that a sleeping device must not get late is given this time to be sent once, at all."""


class Sender:
    """Works off the batches of one instance and platform."""

    def __init__(
        self, store: Store, gateway: Gateway, now: Callable[[], datetime], rng: random.Random
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._now = now
        self._rng = rng
        self._room = Semaphore(_MAX_IN_FLIGHT)

    async def __call__(self, message: bytes) -> Outcome:
        """Send one message of the DELIVER stream: what is due of it, from where it stopped."""
        batch = msgspec.json.decode(message, type=Batch)
        async with self._store.reading() as connection:
            found = await batches.progress_of(connection, batch)
            if found is None:
                return Done()
            try:
                seal = self._store.seal
                credential = await instances.vapid_key(connection, seal, batch.instance_id)
            except NotFound:
                return Done()
        opened = OpenBatch(batch, *found)
        share = _Share(self._room)
        try:
            await self._send_due(opened, credential, share)
        except BatchTakenOver:
            return Lost()
        finally:
            share.give_back_all()
        return Done() if opened.is_settled else Later(opened.next_due_in(self._now()))

    async def _send_due(self, opened: OpenBatch, credential: VapidKey, share: "_Share") -> None:
        due = opened.due(self._now())
        said: Queue[Settlement] = Queue()
        try:
            async with TaskGroup() as group:
                group.create_task(self._settle(opened, said, share, expected=len(due)))
                while due:
                    room = await share.take(min(len(due), _MAX_CHECKED_AT_ONCE))
                    positions, due = due[:room], due[room:]
                    message = self._message(opened.batch)
                    found = await self._devices(opened.batch, positions)
                    for position in positions:
                        device = _still_meant(opened.batch.targets[position], found)
                        sending = self._send(position, device, message, credential, said)
                        group.create_task(sending)
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    async def _send(
        self,
        position: int,
        device: Device | None,
        message: Message | None,
        credential: VapidKey,
        said: Queue[Settlement],
    ) -> None:
        if message is None:
            said.put_nowait(Settlement(position, device, Expired()))
        elif device is None:
            said.put_nowait(Settlement(position, None, Untied()))
        else:
            verdict = await self._gateway.send(message, device, credential)
            said.put_nowait(Settlement(position, device, verdict))

    async def _settle(
        self, opened: OpenBatch, said: Queue[Settlement], share: "_Share", *, expected: int
    ) -> None:
        """Settle as many at once as have come in while the last ones were being settled."""
        while expected > 0:
            settlements = [await said.get()]
            while not said.empty():
                settlements.append(said.get_nowait())
            await opened.settle(
                self._store,
                settlements,
                now=self._now(),
                expires_at=_expires_at(opened.batch),
                rng=self._rng,
            )
            _complain_of_credential(opened.batch, settlements)
            share.give_back(len(settlements))
            expected -= len(settlements)

    def _message(self, batch: Batch) -> Message | None:
        """The message with the time that it has left; None if it has none."""
        now = self._now()
        if now > max(_expires_at(batch), batch.accepted_at + _LEAST_TIME):
            return None
        return web_message(
            batch.payload,
            batch.instance_id,
            batch.publish_id,
            accepted_at=batch.accepted_at,
            now=now,
        )

    async def _devices(self, batch: Batch, positions: list[int]) -> dict[DeviceId, Device]:
        wanted = [batch.targets[position].device_id for position in positions]
        async with self._store.reading() as connection:
            return await devices.those_of(connection, batch.instance_id, wanted)


class _Share:
    """What one batch has of the room that all batches of a sender have together."""

    def __init__(self, room: Semaphore) -> None:
        self._room = room
        self._taken = 0

    async def take(self, wanted: int) -> int:
        """Wait for room for one, and take what there is besides, up to what is wanted."""
        taken = 0
        while taken == 0 or (taken < wanted and not self._room.locked()):
            await self._room.acquire()
            self._taken += 1
            taken += 1
        return taken

    def give_back(self, number: int) -> None:
        self._taken -= number
        for _ in range(number):
            self._room.release()

    def give_back_all(self) -> None:
        self.give_back(self._taken)


def _still_meant(target: Target, found: dict[DeviceId, Device]) -> Device | None:
    device = found.get(target.device_id)
    if device is None or target.user_id not in {None, device.user_id}:
        return None
    return device


def _expires_at(batch: Batch) -> datetime:
    return batch.accepted_at + time_to_live(batch.payload)


def _complain_of_credential(batch: Batch, settlements: list[Settlement]) -> None:
    refused = [said.said for said in settlements if isinstance(said.said, CredentialRefused)]
    if refused:
        logger.error(
            "%d of the %s pushes of instance %s were refused for their credential (%s);"
            " check the clock of this machine and the VAPID contact",
            len(refused),
            batch.platform,
            batch.instance_id,
            refused[0].reason,
        )
