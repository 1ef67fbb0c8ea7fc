"""A NATS cluster of the operator's as the broker, for servers and workers on several machines."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from nats.aio.client import Client
from nats.js.errors import APIError

from heliograph.broker import streams
from heliograph.broker.address import BrokerAddress
from heliograph.broker.connection import close, connect
from heliograph.broker.streams import Streams
from heliograph.model.errors import Misconfigured, Unavailable

logger = logging.getLogger(__name__)

_START_TIMEOUT = timedelta(seconds=20)
_PAUSE_S = 0.5


@asynccontextmanager
async def cluster_broker(address: BrokerAddress, *, replicas: int) -> AsyncIterator[Streams]:
    """Connect to the cluster, with the streams declared on so many of its servers.

    A cluster that is just starting is waited for. Raises Misconfigured if it can't be used.
    """
    client = await _connected(address)
    try:
        await _declare(client, replicas)
        yield Streams(client, None)
    finally:
        await close(client)


async def _connected(address: BrokerAddress) -> Client:
    try:
        return await connect(address, within=_START_TIMEOUT)
    except Unavailable as error:
        raise Misconfigured(
            f"no NATS server at {address} lets us in: {error.__cause__}",
            "Start the cluster, or set --nats-url (HELIOGRAPH_NATS_URL) to where it is,"
            " with its user and password.",
        ) from error


async def _declare(client: Client, replicas: int) -> None:
    """Declare the streams, again while the cluster has no leader or not enough servers yet."""
    refused: BaseException | None = None
    try:
        async with asyncio.timeout(_START_TIMEOUT.total_seconds()):
            while True:
                try:
                    return await streams.declare(client, replicas=replicas)
                except Unavailable as error:
                    refused = error.__cause__
                    logger.warning("the streams can't be declared yet: %s", refused)
                await asyncio.sleep(_PAUSE_S)
    except TimeoutError:
        reason = refused.description if isinstance(refused, APIError) else None
        raise Misconfigured(
            f"the NATS cluster has no place for the streams with {replicas} replicas:"
            f" {reason or 'JetStream does not answer'}",
            "Switch JetStream on, with max_file_store 16GB or more, on as many servers as"
            " --nats-replicas says, or set that to 1 for a single server.",
        ) from refused
