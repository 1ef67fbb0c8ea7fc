"""The data directory and the gateways opened: what the server and the commands have in common."""

import json
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography import x509
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.config import Settings
from heliograph.gateways.guard import Guard
from heliograph.gateways.http2 import Http
from heliograph.gateways.opening import Addresses, Gateways
from heliograph.gateways.vapid import new_vapid_key
from heliograph.model.errors import Misconfigured, Unavailable
from heliograph.model.ids import InstanceId, new_instance_id
from heliograph.model.instance import Instance, SecretKey
from heliograph.store import (
    answers,
    credentials,
    directory,
    idempotency,
    instances,
    pruning,
    quarantine,
    webhook_calls,
)
from heliograph.store.database import PostgresqlUrl
from heliograph.store.engine import Store, open_store
from heliograph.store.sealed import Seal, new_master_key

logger = logging.getLogger(__name__)


def now() -> datetime:
    """The time, for all parts that need it."""
    return datetime.now(UTC)


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[Store]:
    """The store alone, as commands use it; also beside a running server. Raises Misconfigured."""
    known = settings.master_key or directory.master_key(settings.data)
    key = known or new_master_key()
    async with open_store(_database(settings), Seal(key)) as store:
        await check_seal(store)
        if known is None:
            # Nothing is sealed yet, and nothing will be before it is kept.
            directory.keep_master_key(directory.made(settings.data), key)
        yield store


def _database(settings: Settings) -> Path | PostgresqlUrl:
    return settings.database_url or sqlite_file(directory.made(settings.data))


def sqlite_file(data: Path) -> Path:
    """The database in a data directory, if there is no other."""
    return data / "heliograph.db"


async def check_seal(store: Store) -> None:
    """Raises Misconfigured if secrets in the store were sealed with another master key."""
    try:
        async with store.reading() as connection:
            await credentials.check_seal(connection, store.seal)
    except Unavailable as error:
        raise Misconfigured(f"the database {store.name} is not available", "Try again.") from error


@asynccontextmanager
async def existing_store(settings: Settings) -> AsyncIterator[Store]:
    """The store of a server that was started before. Raises Misconfigured if there is none."""
    if settings.database_url is None and not sqlite_file(settings.data).exists():
        raise Misconfigured(
            f"there is no Heliograph data in {settings.data.resolve()}",
            "Start a server there with `heliograph serve --data DIR`, or name its directory"
            " with --data DIR.",
        )
    async with opened_store(settings) as store:
        yield store


def opened_gateways(settings: Settings, *, may_send: Callable[[], bool] = lambda: True) -> Gateways:
    """The ways to devices, as the settings have them. Raises Misconfigured.

    may_send: asked right before each request.
    """
    addresses = Addresses(
        apns=settings.apns_url, fcm=settings.fcm_url, fcm_token=settings.fcm_token_url
    )
    guard, authority = Guard(settings.allow_private_endpoints), _gateway_authority(settings)
    return Gateways(addresses, guard, authority, settings.contact, now, may_send=may_send)


def webhook_http(settings: Settings) -> Callable[[], Http]:
    """What makes the way to a webhook's receiver. Raises Misconfigured."""
    guard, authority = Guard(settings.allow_private_endpoints), _gateway_authority(settings)
    return partial(Http, guard, authority)


def _gateway_authority(settings: Settings) -> bytes | None:
    if settings.gateway_ca is None:
        return None
    try:
        certificates = settings.gateway_ca.read_bytes()
        x509.load_pem_x509_certificates(certificates)
    except (OSError, ValueError) as error:
        raise Misconfigured(
            f"the certificates {settings.gateway_ca} can't be read: {error}",
            "Set --gateway-ca to a PEM file, or leave it out.",
        ) from error
    return certificates


async def tidy_up(
    store: Store, *, publishes_kept_for: timedelta, webhook_calls_kept_for: timedelta
) -> None:
    """Forget what is kept for a time that is over, instance by instance. Raises Unavailable."""
    async with store.reading() as connection:
        there = await instances.all_of_them(connection)
    for instance in there:
        async with store.writing() as tx:
            for prune in (quarantine.prune, answers.prune, idempotency.prune):
                await prune(tx, instance.id, now=now())
        await pruning.prune(store, instance.id, kept_for=publishes_kept_for, now=now())
        await _prune_webhook_calls(store, instance.id, before=now() - webhook_calls_kept_for)


async def _prune_webhook_calls(store: Store, instance_id: InstanceId, *, before: datetime) -> None:
    """A few at a time, so that nobody has to wait for long."""
    are_there_more = True
    while are_there_more:
        async with store.writing() as tx:
            are_there_more = await webhook_calls.prune(tx, instance_id, before=before)


async def make_default_instance(store: Store, path: Path) -> None:
    """In a new database: an instance to begin with, its secret in DIR/credentials.json."""
    async with store.reading() as connection:
        if await instances.all_of_them(connection):
            return
    instance_id, secret_key = new_instance_id(), new_secret_key()
    async with store.writing_alone() as tx:
        if await instances.all_of_them(tx):
            # Another machine was faster. Its master key must be ours, too.
            await credentials.check_seal(tx, store.seal)
            return
        # First the file: if it ends here, the next start makes another pair and writes it again.
        directory.write_secret(
            path / "credentials.json",
            json.dumps({"instanceId": instance_id, "secretKey": secret_key}) + "\n",
        )
        await add_instance(tx, store.seal, "default", instance_id, secret_key)
    logger.info("made the instance %s; its secret key is in credentials.json", instance_id)


async def create_instance(
    store: Store, name: str, instance_id: InstanceId, secret_key: str
) -> SecretKey:
    """Make an instance with its first secret key and its VAPID key. Raises Invalid."""
    async with store.writing() as tx:
        return await add_instance(tx, store.seal, name, instance_id, secret_key)


async def add_instance(
    tx: AsyncConnection, seal: Seal, name: str, instance_id: InstanceId, secret_key: str
) -> SecretKey:
    """The same in a transaction of the caller's."""
    instance = Instance(id=instance_id, name=name, created_at=now())
    await instances.create(tx, seal, instance, new_vapid_key())
    return await instances.add_key(tx, seal, instance_id, secret_key, now=now())


def new_secret_key() -> str:
    """64 hexadecimal characters, as the hosted service makes them."""
    return secrets.token_hex(32)
