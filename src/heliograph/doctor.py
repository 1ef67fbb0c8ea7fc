"""What is wrong with a set-up, and how to mend it: each part looked at, each finding a value."""

import asyncio
import os
import shutil
import urllib.error
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from heliograph import data, running_server
from heliograph.config import Settings
from heliograph.delivery.standing import Standing, ask, standing_of
from heliograph.gateways.opening import Gateways
from heliograph.model.credential import WebIdentity
from heliograph.model.device import Platform
from heliograph.model.errors import Misconfigured, Unavailable
from heliograph.model.instance import Instance
from heliograph.store import directory, instances
from heliograph.store.engine import Store

_LEAST_FREE_BYTES = 1024**3
_MAX_CLOCK_DIFFERENCE = timedelta(seconds=30)
_SOON = timedelta(days=30)
_OTHERS_MAY_READ = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of a part. remedy: how to mend it; None if there is nothing to mend."""

    part: str
    found: str
    remedy: str | None = None


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Look at each part in turn: data directory, disk, server, store, clock, credentials."""
    path = settings.data.resolve()
    database_there = path if settings.database_url else data.sqlite_file(path)
    if not database_there.exists():
        remedy = "Start a server there: heliograph serve --data DIR; or name another with --data."
        yield Finding(part="data", found=f"there is no Heliograph data in {path}", remedy=remedy)
        return
    yield _data_directory(path)
    yield _disk(path)
    yield await asyncio.to_thread(_server, path)
    try:
        async with (
            data.opened_store(settings) as store,
            data.opened_gateways(settings) as gateways,
        ):
            yield await _database(store)
            async for finding in _credentials(settings, store, gateways):
                yield finding
    except (Misconfigured, Unavailable) as error:
        remedy = error.remedy if isinstance(error, Misconfigured) else "Try again in a minute."
        yield Finding(part="store", found=str(error).splitlines()[0], remedy=remedy)


def _data_directory(path: Path) -> Finding:
    mode = path.stat().st_mode & 0o777
    if mode & _OTHERS_MAY_READ:
        found = f"{path} can be read by others (mode {mode:o})"
        return Finding(part="data", found=found, remedy=f"chmod 700 {path}")
    if not os.access(path, os.W_OK):
        remedy = "Run as the user that owns it."
        return Finding(part="data", found=f"{path} can't be written to", remedy=remedy)
    return Finding(part="data", found=str(path))


def _disk(path: Path) -> Finding:
    """The disk, or the fuller one if the broker's folder is on its own."""
    places = [place for place in (path, path / "broker") if place.exists()]
    free, fullest = min((shutil.disk_usage(place).free, place) for place in places)
    if free < _LEAST_FREE_BYTES:
        remedy = "Make room: with a full disk publishes are refused (503)."
        found = f"only {free // 1024**2} MiB are free for {fullest}"
        return Finding(part="disk", found=found, remedy=remedy)
    return Finding(part="disk", found=f"{free / 1024**3:.1f} GiB are free")


def _server(path: Path) -> Finding:
    """Whether a server runs here and can do its work: store, broker and workers."""
    server = directory.running_server(path)
    if server is None:
        return Finding(
            part="server", found="none runs on this data", remedy="Start it: heliograph serve"
        )
    try:
        with running_server.ask(server, "/ready"):
            return Finding(part="server", found=f"ready at {server.url}")
    except urllib.error.HTTPError as error:
        found = error.read(1024).decode(errors="replace")
        remedy = f"See {path}/broker/nats.log, the servers of --nats-url, or the server's log."
        return Finding(part="server", found=f"not ready: {found.strip()}", remedy=remedy)
    except OSError as error:
        remedy = f"Process {server.pid} hangs: stop it, and start it again."
        return Finding(part="server", found=f"does not answer: {error}", remedy=remedy)


async def _database(store: Store) -> Finding:
    examined = await store.examine()
    return Finding(part="store", found=examined.found, remedy=examined.remedy)


async def _credentials(
    settings: Settings, store: Store, gateways: Gateways
) -> AsyncIterator[Finding]:
    """Each instance's keys and credentials, and the clock, by which gateways judge them."""
    now = data.now()
    async with store.reading() as connection:
        there = await instances.all_of_them(connection)
        for instance in there:
            await instances.keys_of(connection, store.seal, instance.id)
    yield Finding(part="master key", found="opens all secrets")
    for instance in there:
        for platform in Platform:
            standing = await standing_of(store, instance.id, platform, now=now)
            if standing is None:
                continue
            yield await _credential(settings, instance, standing, gateways, now)
    difference = gateways.access_tokens.clock_difference
    if difference is not None:
        yield _clock(difference)


async def _credential(
    settings: Settings, instance: Instance, standing: Standing, gateways: Gateways, now: datetime
) -> Finding:
    part, option = f"{standing.platform} of {instance.name}", f"--instance {instance.id}"
    again = f"Set it anew: heliograph gateway set {standing.platform} {option} ..."
    trouble, end = await ask(standing, gateways), standing.expires_at
    if trouble is not None:
        return Finding(part=part, found=f"{standing.description}: {trouble}", remedy=again)
    if end is not None and end < now + _SOON:
        return Finding(part=part, found=f"ends on {end:%Y-%m-%d}", remedy=again)
    credential = standing.held.credential
    if isinstance(credential, WebIdentity) and (credential.subject or settings.contact) is None:
        found = "no contact: Safari gets no notifications"
        remedy = f"heliograph gateway set web {option} --subject mailto:you@example.com"
        return Finding(part=part, found=found, remedy=remedy)
    return Finding(part=part, found=f"{standing.description}: good")


def _clock(difference: timedelta) -> Finding:
    if difference > _MAX_CLOCK_DIFFERENCE:
        found = f"{difference.total_seconds():.0f} seconds from Google's"
        remedy = "Set the clock by NTP: gateways refuse what is signed at a wrong time."
        return Finding(part="clock", found=found, remedy=remedy)
    return Finding(part="clock", found="right, compared with Google's")
