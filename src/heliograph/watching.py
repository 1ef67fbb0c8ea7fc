"""Watching over a process: what it counts and traces, as the settings say, and who may read it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial

from heliograph import data, http_server
from heliograph.broker.streams import Streams
from heliograph.config import Settings
from heliograph.model.device import Platform
from heliograph.model.errors import Unavailable
from heliograph.store import pauses
from heliograph.store.engine import Store
from heliograph.telemetry import declared, reporting
from heliograph.telemetry.exposition import Families, families_in, family_of
from heliograph.telemetry.meter import Meter
from heliograph.telemetry.metrics import Metrics
from heliograph.telemetry.serving import Source, metrics_app
from heliograph.telemetry.watch import UNWATCHED, Watch

_LOOK_INTERVAL_S = 0.5
_STORE_TIMEOUT_S = 1.0


@asynccontextmanager
async def watching(settings: Settings, *, process: str) -> AsyncIterator[Watch]:
    """What the parts of this process are given to tell what happens in them."""
    async with AsyncExitStack() as stack:
        watch = UNWATCHED
        if settings.metrics is not None:
            meter = Metrics()
            stack.enter_context(_loop_watched(meter))
            watch = replace(watch, meter=meter)
        if settings.otlp_endpoint is not None:
            # Not at the top: it is a lot of code, which few need.
            from heliograph.telemetry.traces import exporting  # noqa: PLC0415

            traced = exporting(settings.otlp_endpoint, process=process)
            watch = replace(watch, tracer=await stack.enter_async_context(traced))
        yield watch


@asynccontextmanager
async def figures_served(settings: Settings, sources: list[Source]) -> AsyncIterator[None]:
    """Answer GET /metrics, if the settings say where. sources: may become more.

    Raises Misconfigured if the address can't be had.
    """
    if settings.metrics is None:
        yield
        return
    async with http_server.answered_at(settings.metrics, metrics_app(sources)):
        yield


@contextmanager
def figures_told(descriptor: int | None, watch: Watch, *, process: str) -> Iterator[None]:
    """Tell this process's figures to the server that started it, if it asks."""
    if descriptor is None:
        yield
        return
    figures = partial(_counted, watch, process)
    telling = asyncio.create_task(reporting.answer(descriptor, figures))
    try:
        yield
    finally:
        telling.cancel()


def counted_here(watch: Watch, *, process: str) -> list[Source]:
    """What this process has counted."""
    return [partial(_own, watch, process)]


def looked_up(store: Store, streams: Streams, *, process: str) -> list[Source]:
    """What is looked up at each scrape: what is on the streams, which lanes are paused."""
    return [partial(_backlogs, streams, process), partial(_pauses, store, process)]


def _counted(watch: Watch, process: str) -> Families:
    meter = watch.meter
    return families_in(meter.registry, process=process) if isinstance(meter, Metrics) else []


async def _own(watch: Watch, process: str) -> Families:
    up = family_of(declared.PROCESS_UP, {"": 1}, process=process)
    return [up, *_counted(watch, process)]


async def _backlogs(streams: Streams, process: str) -> Families:
    try:
        found = await streams.backlogs()
    except Unavailable:
        return []
    now = data.now()
    messages = {name: one.messages for name, one in found.items()}
    sizes = {name: one.size_bytes for name, one in found.items()}
    ages = {name: one.age_s(now) for name, one in found.items()}
    return [
        family_of(declared.STREAM_MESSAGES, messages, process=process),
        family_of(declared.STREAM_BYTES, sizes, process=process),
        family_of(declared.STREAM_AGE, ages, process=process),
    ]


async def _pauses(store: Store, process: str) -> Families:
    try:
        async with asyncio.timeout(_STORE_TIMEOUT_S), store.reading() as connection:
            paused = await pauses.count(connection)
    except (Unavailable, TimeoutError):
        return []
    values = {str(platform): paused.get(platform, 0) for platform in Platform}
    return [family_of(declared.LANES_PAUSED, values, process=process)]


@contextmanager
def _loop_watched(meter: Meter) -> Iterator[None]:
    looking = asyncio.create_task(_look_at_loop(meter))
    try:
        yield
    finally:
        looking.cancel()


async def _look_at_loop(meter: Meter) -> None:
    now = asyncio.get_running_loop().time
    while True:
        due = now() + _LOOK_INTERVAL_S
        await asyncio.sleep(_LOOK_INTERVAL_S)
        meter.lagged(max(now() - due, 0))
