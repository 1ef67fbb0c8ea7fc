"""Sending: a batch's targets to their gateway, many at once, each checked just before.

Whether a device is still there and still the user's is asked of the store right before its message
is handed over, a few dozen at a time and only when there is room for them on the connection; so a
stop() is in force for all that comes after it.
"""

import asyncio
import logging
import random
from asyncio import Queue, Semaphore, TaskGroup
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.broker.worker import Done, Later, Lost, Outcome
from heliograph.delivery import told
from heliograph.delivery.connected import Connected
from heliograph.delivery.enrich import message_for
from heliograph.delivery.in_flight import InFlight
from heliograph.delivery.permit import Go, Hold, Permit
from heliograph.delivery.room import Room, Share
from heliograph.delivery.settle import BatchTakenOver, OpenBatch, Pausing
from heliograph.delivery.settlement import Cancelled, Expired, Said, Settlement, Untied, refusal_in
from heliograph.gateways.base import Gateway, Message
from heliograph.model.batch import Batch, Target
from heliograph.model.device import Device
from heliograph.model.errors import Invalid
from heliograph.model.ids import DeviceId
from heliograph.model.limits import PAUSED_LOOK_INTERVAL
from heliograph.model.publish import PublishState
from heliograph.model.verdict import CredentialRefused, Delivered, DeviceGone, Drop, Postponed
from heliograph.store import batches, devices, publishes
from heliograph.store.engine import Store
from heliograph.telemetry.watch import UNWATCHED, Watch

logger = logging.getLogger(__name__)

_MAX_CHECKED_AT_ONCE = 100
_LARGE = 50
_LARGE_AT_ONCE = 2
"""Of batches with more targets few share the room at a time: so each is checked and settled by the
dozens, and a message costs less than half of what it does with four (measured)."""
_GATHERED_FOR_S = 0.02
_LEAST_TIME = timedelta(seconds=10)
"""A message that a sleeping device must not get late is given this time to be sent once, at all."""
_CALLED_OFF = Postponed(timedelta())
"""Of a message that was recalled, or may no longer be sent: the store is asked about it anew."""
_GONE_IN_A_ROW = 20
"""So many, without one that is reached, and the rest of the batch waits for a closer look."""


class Sender:
    """Works off the batches of one instance and platform, to users or to interests."""

    def __init__(
        self,
        store: Store,
        connected: Connected,
        in_flight: InFlight,
        now: Callable[[], datetime],
        rng: random.Random,
        watch: Watch = UNWATCHED,
    ) -> None:
        self._store = store
        self._watch = watch
        self._connected = connected
        self._in_flight = in_flight
        self._now = now
        self._rng = rng
        self._pausing = Pausing()
        self._permit = Permit(store, now, self._pausing)
        self._room = Room()
        self._large = Semaphore(_LARGE_AT_ONCE)

    async def __call__(self, message: bytes) -> Outcome:
        """Send one message of the DELIVER stream: what is due of it, from where it stopped."""
        batch = msgspec.json.decode(message, type=Batch)
        found = await self._store.read(lambda tx: batches.find(tx, batch))
        if found is None:
            return Done()
        if found.state is PublishState.PAUSED:
            return Later(PAUSED_LOOK_INTERVAL)
        opened = OpenBatch(batch, found.progress, found.version, self._pausing, self._watch)
        self._watch.tracer.batch_in_hand(len(opened.unsettled()))
        is_large = len(opened.unsettled()) > _LARGE
        turn = self._large if is_large else nullcontext()
        try:
            async with turn:
                await self._work_on(opened, found.state)
        except BatchTakenOver:
            return Lost()
        return Done() if opened.is_settled else Later(opened.next_due_in(self._now()))

    async def _work_on(self, opened: OpenBatch, state: PublishState) -> None:
        batch = opened.batch
        if state is PublishState.CANCELLED:
            ended = _Pass(self._store, opened, self._now, self._rng, batch.accepted_at)
            await ended.settle_all(opened.unsettled(), Cancelled())
            return
        try:
            message = message_for(
                batch.platform,
                batch.payload,
                batch.instance_id,
                batch.publish_id,
                accepted_at=batch.accepted_at,
            )
        except Invalid as error:
            # It was checked when it was accepted, but perhaps by an older version.
            await _Pass(self._store, opened, self._now, self._rng, batch.accepted_at).settle_all(
                opened.unsettled(), Drop(error.reason)
            )
            return
        current = _Pass(self._store, opened, self._now, self._rng, message.expires_at)
        await current.settle_all(
            opened.overdue(self._now(), message.expires_at), Expired("no other credential was set")
        )
        if self._now() > max(message.expires_at, batch.accepted_at + _LEAST_TIME):
            await current.settle_all(opened.unsettled(), Expired())
            return
        match await self._permit.ask(batch):
            case Hold(reason=reason, until=until):
                self._watch.tell(batch.instance_id, lambda: told.held(batch, reason))
                if until <= self._now():
                    await current.settle_all(opened.unsettled(), Expired(reason))
            case Go(held=held, probe=probe):
                opened.credential_id = held.id
                due = opened.due(self._now())[: 1 if probe else None]
                self._watch.tell(batch.instance_id, lambda: told.sent(batch, len(due)))
                async with self._connected.gateway(held) as gateway:
                    await self._send(current, due, message, gateway)

    async def _send(
        self, current: "_Pass", due: list[int], message: Message, gateway: Gateway
    ) -> None:
        share = self._room.share()
        try:
            async with (
                self._in_flight.group(current.opened.batch.instance_id) as group,
                TaskGroup() as settling,
            ):
                settling.create_task(current.settle_as_they_come(share))
                async with TaskGroup() as sending:
                    while due and not current.is_stopped:
                        room = await share.take(min(len(due), _MAX_CHECKED_AT_ONCE))
                        positions, due = due[:room], due[room:]
                        found = await self._devices(current.opened.batch, positions)
                        if found is None or group.is_void:
                            break
                        group.take(found)
                        for position in positions:
                            target = current.opened.batch.targets[position]
                            sent = current.send(
                                position, _still_meant(target, found), message, gateway
                            )
                            group.put(target.device_id, sending.create_task(sent))
                current.all_is_sent()
        except ExceptionGroup as failed:
            raise _first_cause(failed) from failed
        finally:
            share.give_back_all()

    async def _devices(self, batch: Batch, positions: list[int]) -> dict[DeviceId, Device] | None:
        """Those that are still there; None if the publish is paused or cancelled."""
        wanted = [batch.targets[position].device_id for position in positions]

        async def work(tx: AsyncConnection) -> dict[DeviceId, Device] | None:
            found = await devices.recipients(tx, batch, wanted)
            if found:
                return found
            state = await publishes.state_of(tx, batch.instance_id, batch.publish_id)
            return found if state is PublishState.RUNNING else None

        return await self._store.read(work)


class _Pass:
    """One go at a batch: what was said so far, and whether to go on."""

    def __init__(
        self,
        store: Store,
        opened: OpenBatch,
        now: Callable[[], datetime],
        rng: random.Random,
        expires_at: datetime,
    ) -> None:
        self.opened = opened
        self.is_stopped = False
        self._store = store
        self._now = now
        self._rng = rng
        self._expires_at = expires_at
        self._said: Queue[Settlement | None] = Queue()
        self._ended = asyncio.Event()
        self._delivered = 0
        self._gone: list[Settlement] = []

    async def send(
        self, position: int, device: Device | None, message: Message, gateway: Gateway
    ) -> None:
        said: Said = _CALLED_OFF
        try:
            said = Untied() if device is None else await gateway.send(message, device)
        finally:
            self._said.put_nowait(Settlement(position, device, said))

    def all_is_sent(self) -> None:
        self._said.put_nowait(None)
        self._ended.set()

    async def settle_as_they_come(self, share: Share) -> None:
        """Settle as many at once as have come in for a moment, or while the last ones were settled.

        Devices that are gone come last: what is believed of them depends on all others.
        """
        while (said := await self._said.get()) is not None:
            # A transaction costs as much for one as for a hundred.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _GATHERED_FOR_S)
            settlements = [said]
            while not self._said.empty() and (said := self._said.get_nowait()) is not None:
                settlements.append(said)
            await self._settle([one for one in settlements if not self._is_put_aside(one)])
            share.give_back(len(settlements))
            if said is None:
                break
        await self._settle(self._gone)

    async def settle_all(self, positions: Sequence[int], said: Drop | Expired | Cancelled) -> None:
        """Settle targets to which nothing is sent."""
        await self._settle([Settlement(position, None, said) for position in positions])

    def _is_put_aside(self, settlement: Settlement) -> bool:
        self._delivered += isinstance(settlement.said, Delivered)
        if not isinstance(settlement.said, DeviceGone):
            return False
        self._gone.append(settlement)
        if len(self._gone) >= _GONE_IN_A_ROW and self._delivered == 0:
            self.is_stopped = True
        return True

    async def _settle(self, settlements: Sequence[Settlement]) -> None:
        if not settlements:
            return
        believed = await self.opened.settle(
            self._store,
            settlements,
            now=self._now(),
            expires_at=self._expires_at,
            rng=self._rng,
        )
        self.is_stopped = self.is_stopped or refusal_in(believed) is not None
        _complain(self.opened.batch, believed)


def _still_meant(target: Target, found: dict[DeviceId, Device]) -> Device | None:
    device = found.get(target.device_id)
    if device is None or target.user_id not in {None, device.user_id}:
        return None
    return device


def _first_cause(failed: ExceptionGroup[Exception]) -> Exception:
    first = failed.exceptions[0]
    return _first_cause(first) if isinstance(first, ExceptionGroup) else first


def _complain(batch: Batch, believed: Sequence[Settlement]) -> None:
    """Tell the operator what speaks against the credential."""
    refused = [one.said for one in believed if isinstance(one.said, CredentialRefused)]
    if not refused:
        return
    consequence = (
        "nothing is sent until that is mended"
        if refusal_in(believed)
        else "too many to be true, so no device is removed"
    )
    logger.error(
        "%d of the %s messages of instance %s were refused (%s): %s;"
        " see `heliograph gateway check --instance %s`",
        len(refused),
        batch.platform,
        batch.instance_id,
        refused[0].reason,
        consequence,
        batch.instance_id,
    )
