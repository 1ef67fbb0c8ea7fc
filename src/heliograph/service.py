"""Composition root: what is built, started and stopped, in which order. No decisions are made here.

Things close in reverse: first the doors, then the workers, then the broker and the store.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from dataclasses import replace
from datetime import timedelta
from functools import partial

from heliograph import data, http_server
from heliograph.api.app import build
from heliograph.api.rate import rates
from heliograph.api.state import Api
from heliograph.broker.address import BrokerAddress
from heliograph.broker.cluster import cluster_broker
from heliograph.broker.embedded import Place, embedded_broker, embedded_streams
from heliograph.broker.streams import Streams
from heliograph.broker.worker import Worker
from heliograph.config import Settings
from heliograph.data import opened_gateways
from heliograph.delivery.accept import Accept
from heliograph.delivery.connected import Connected
from heliograph.delivery.fanout import FanOut
from heliograph.delivery.fence import Fence
from heliograph.delivery.in_flight import InFlight
from heliograph.delivery.lanes import Lanes, OpenWorkers
from heliograph.delivery.on_call import on_call
from heliograph.delivery.recall import Recall
from heliograph.delivery.reported import Reported
from heliograph.delivery.sender import Sender
from heliograph.delivery.sharding import Sharding
from heliograph.gateways.opening import Gateways
from heliograph.gateways.watched import watched
from heliograph.insights import Upkeep, kept_up
from heliograph.model.device import Platform
from heliograph.model.errors import Misconfigured
from heliograph.model.ids import InstanceId
from heliograph.model.publish import AudienceKind
from heliograph.model.role import Role
from heliograph.repeated import repeated
from heliograph.store import directory
from heliograph.store.engine import Store
from heliograph.telemetry.watch import Watch
from heliograph.watching import counted_here, figures_served, figures_told, looked_up, watching
from heliograph.webhooks.calling import Calling
from heliograph.worker_processes import (
    Orders,
    WorkerProcesses,
    process_name,
    say_that_it_works,
    worker_processes,
)

logger = logging.getLogger(__name__)

_PUBLISHES_AT_ONCE = {AudienceKind.USERS: 8, AudienceKind.INTERESTS: 4}
_SERVER, _WORKER = "server", "worker"
"""Names of processes, for figures and traces."""
_TIDY_INTERVAL = timedelta(hours=1)
_SHARDS_AT_ONCE = 2
"""So that the shards of a publish are spread over the workers of all machines."""
_CALLS_AT_ONCE = 128
"""To all webhooks that a process calls."""
_BATCHES_AT_ONCE = 32
"""Most are small, and wait for their gateway. For large ones see delivery/sender.py."""


async def serve(settings: Settings, stopping: asyncio.Event) -> None:
    """Run the server until `stopping` is set. Raises Misconfigured if it can't start."""
    async with AsyncExitStack() as stack:
        watch = await stack.enter_async_context(watching(settings, process=_SERVER))
        path = directory.made(settings.data)
        lock = await stack.enter_async_context(directory.locked(path, settings.local_url))
        listener = stack.enter_context(http_server.listening(settings))
        certificate = http_server.certificate(settings, path)
        opened = await stack.enter_async_context(data.opened_store(settings))
        store = opened.metered_by(watch.meter)
        await data.make_default_instance(store, path)
        await stack.enter_async_context(_kept_tidy(store, settings))
        retention = timedelta(days=settings.insights_retention)
        await stack.enter_async_context(kept_up(Upkeep(store, retention, data.now)))
        broker: BrokerAddress | Place | None = settings.nats_url
        if broker is None:
            broker = await stack.enter_async_context(embedded_broker(path / "broker", lock))
        declared = await stack.enter_async_context(_streams(settings, broker))
        streams = declared.watched_by(watch)
        tell = await stack.enter_async_context(streams.live.telling(data.now))
        watch = replace(watch, tell=tell)
        figures = counted_here(watch, process=_SERVER)
        figures += looked_up(store, streams, process=_SERVER)
        await stack.enter_async_context(figures_served(settings, figures))
        processes = await _start_work(settings, broker, stack, store, streams, watch)
        figures += [processes.figures]
        api = Api(
            store=store,
            streams=streams,
            accept=Accept(store, streams, data.now, tell),
            check_workers=processes.check,
            recall=Recall(streams.roll),
            reported=Reported(store, data.now),
            tell=tell,
            live=await stack.enter_async_context(streams.live.listening(stopping)),
            rates=rates(publish_rate=settings.publish_rate, device_rate=settings.device_rate),
            own_url=settings.base_url,
            trusted_proxies=settings.trusted_proxies,
            now=data.now,
            watch=watch,
        )
        if certificate is not None:
            stack.enter_context(http_server.kept_current(certificate))
        await http_server.answer(build(api), listener, certificate, stopping, settings)


async def work(settings: Settings, stopping: asyncio.Event) -> None:
    """Run the workers alone until `stopping` is set. Raises Misconfigured if they can't start.

    The data directory's lock is the server's: any number of workers may share it.
    """
    if settings.nats_url is None:
        raise Misconfigured(
            "a worker can't reach an embedded broker, which is its own server's alone",
            "Set --nats-url (HELIOGRAPH_NATS_URL) to a NATS cluster, for the server and here.",
        )
    if not settings.roles:
        raise Misconfigured(
            "a worker without roles has nothing to do", f"Set --roles to some of {','.join(Role)}."
        )
    async with (
        watching(settings, process=_WORKER) as watch,
        figures_served(settings, counted_here(watch, process=_WORKER)),
        _working(settings, settings.nats_url, watch),
    ):
        await stopping.wait()


async def work_beside(orders: Orders, stopping: asyncio.Event) -> None:
    """The same in a process of the server's, which may have its broker embedded."""
    process = process_name(orders.number)
    async with watching(orders.settings, process=process) as watch:
        with figures_told(orders.figures, watch, process=process):
            async with _working(orders.settings, orders.broker, watch):
                say_that_it_works()
                await stopping.wait()


@asynccontextmanager
async def _working(
    settings: Settings, broker: BrokerAddress | Place, watch: Watch
) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(data.existing_store(settings))
        streams = await stack.enter_async_context(_streams(settings, broker))
        tell = await stack.enter_async_context(streams.live.telling(data.now))
        watch = replace(watch, tell=tell)
        await _start_workers(
            settings, stack, store.metered_by(watch.meter), streams.watched_by(watch), watch
        )
        logger.info("working: %s", ", ".join(settings.roles))
        yield


def _streams(
    settings: Settings, broker: BrokerAddress | Place
) -> AbstractAsyncContextManager[Streams]:
    if isinstance(broker, Place):
        return embedded_streams(broker)
    return cluster_broker(broker, replicas=settings.nats_replicas)


async def _start_work(
    settings: Settings,
    broker: BrokerAddress | Place,
    stack: AsyncExitStack,
    store: Store,
    streams: Streams,
    watch: Watch,
) -> WorkerProcesses:
    """Start what the roles say, here or in other processes, if any. Raises Misconfigured."""
    if settings.workers == 0:
        await _start_workers(settings, stack, store, streams, watch)
        return WorkerProcesses([])
    # What would end each of them as soon as it starts is told now.
    opened_gateways(settings)
    orders = Orders(settings=settings, broker=broker)
    return await stack.enter_async_context(worker_processes(orders))


async def _start_workers(
    settings: Settings, stack: AsyncExitStack, store: Store, streams: Streams, watch: Watch
) -> None:
    """Start what the roles say; it drains when the stack closes. Raises Misconfigured."""
    if not settings.roles:
        return
    fence = Fence()
    gateways = await stack.enter_async_context(opened_gateways(settings, may_send=fence.is_open))
    kinds: dict[str, OpenWorkers] = {}
    if Role.FANOUT in settings.roles:
        kinds["fanout"] = _fanning_out(store, streams, watch)
    if Role.DELIVER in settings.roles:
        in_flight = InFlight(fence)
        await stack.enter_async_context(on_call(streams.roll, in_flight, fence))
        for platform in Platform:
            kinds[platform] = _delivering(store, streams, gateways, in_flight, platform, watch)
    if Role.WEBHOOK in settings.roles:
        kinds["webhook"] = _calling(settings, store, watch)
    stopping = asyncio.Event()
    lanes = Lanes(store, streams, kinds)
    running = asyncio.create_task(lanes.run(stopping, drain=settings.drain))

    async def stop() -> None:
        stopping.set()
        await running

    stack.push_async_callback(stop)


def _fanning_out(store: Store, streams: Streams, watch: Watch) -> OpenWorkers:
    fan_out = FanOut(store, streams, data.now, watch.tell)
    sharding = Sharding(store, streams, data.now, watch.tell)

    @asynccontextmanager
    async def workers(instance_id: InstanceId) -> AsyncIterator[Sequence[Worker]]:
        yield [
            Worker(
                partial(streams.publishes, AudienceKind.USERS, instance_id),
                fan_out,
                concurrency=_PUBLISHES_AT_ONCE[AudienceKind.USERS],
                watch=watch,
            ),
            Worker(
                partial(streams.publishes, AudienceKind.INTERESTS, instance_id),
                fan_out,
                concurrency=_PUBLISHES_AT_ONCE[AudienceKind.INTERESTS],
                watch=watch,
            ),
            Worker(
                partial(streams.shards, instance_id),
                sharding,
                concurrency=_SHARDS_AT_ONCE,
                watch=watch,
            ),
        ]

    return workers


def _delivering(
    store: Store,
    streams: Streams,
    gateways: Gateways,
    in_flight: InFlight,
    platform: Platform,
    watch: Watch,
) -> OpenWorkers:
    @asynccontextmanager
    async def workers(instance_id: InstanceId) -> AsyncIterator[Sequence[Worker]]:
        async with AsyncExitStack() as stack:
            made = []
            for kind in AudienceKind:
                # Connections of their own: on one, an interest would take all streams there are.
                opened = watched(gateways.open, platform, kind, watch)
                connected = await stack.enter_async_context(Connected(opened))
                rng = random.Random()  # noqa: S311  # for jitter
                sender = Sender(store, connected, in_flight, data.now, rng, watch)
                subscribe = partial(streams.batches, kind, platform, instance_id)
                worker = Worker(subscribe, sender, concurrency=_BATCHES_AT_ONCE, watch=watch)
                made.append(worker)
            yield made

    return workers


def _calling(settings: Settings, store: Store, watch: Watch) -> OpenWorkers:
    open_http, room = data.webhook_http(settings), asyncio.Semaphore(_CALLS_AT_ONCE)

    @asynccontextmanager
    async def workers(instance_id: InstanceId) -> AsyncIterator[Sequence[Calling]]:
        yield [Calling(store, instance_id, open_http, room, data.now, watch)]

    return workers


def _kept_tidy(store: Store, settings: Settings) -> AbstractAsyncContextManager[None]:
    tidy_up = partial(
        data.tidy_up,
        store,
        publishes_kept_for=timedelta(days=settings.publish_retention),
        webhook_calls_kept_for=timedelta(days=settings.webhook_retention),
    )
    return repeated(tidy_up, _TIDY_INTERVAL, about="forgetting what is over")
