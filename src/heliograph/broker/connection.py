"""The connection to a broker, embedded or not: it always comes back, and every wait has an end."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

import nats.errors
from nats.aio.client import Client

from heliograph.broker.address import BrokerAddress
from heliograph.model.errors import Unavailable

logger = logging.getLogger(__name__)

_RECONNECT_WAIT_S = 1
_CONNECT_TIMEOUT_S = 2
_PING_INTERVAL_S = 5
_MAX_OUTSTANDING_PINGS = 2
"""A server that hangs, or whose machine is gone without a word, is left for another after 15 s."""


class _Returning(Client):
    """A client that takes a complaint of its server for the end of that connection only.

    nats-py (2.16) closes itself for good then, as when a server has too many connections or is
    given other users.
    """

    async def _process_err(self, err_msg: str) -> None:
        if "permissions violation" in err_msg:
            await super()._process_err(err_msg)
        else:
            await self._process_op_err(nats.errors.Error(f"nats: {err_msg}"))


async def connect(address: BrokerAddress, *, within: timedelta) -> Client:
    """Connect to one of the servers, and from then on to any other whenever that one is away.

    Raises Unavailable if none lets us in within that time; its cause says why.
    """
    client = _Returning()
    said: Exception | None = None

    async def note(error: Exception) -> None:
        nonlocal said
        said = error
        logger.warning("broker connection: %r", error)

    try:
        async with asyncio.timeout(within.total_seconds()):
            await client.connect(
                list(address.servers),
                user=address.user,
                password=address.password,
                token=address.token,
                error_cb=note,
                max_reconnect_attempts=-1,
                reconnect_time_wait=_RECONNECT_WAIT_S,
                connect_timeout=_CONNECT_TIMEOUT_S,
                ping_interval=_PING_INTERVAL_S,
                max_outstanding_pings=_MAX_OUTSTANDING_PINGS,
            )
    except (nats.errors.Error, OSError, TimeoutError) as error:
        await close(client)
        raise Unavailable("broker") from said or error
    return client


async def close(client: Client) -> None:
    """Close the connection. What still waits to be sent to a server that is away is lost.

    That is leases and acknowledgements, without which a message just comes back.
    """
    # nats-py (2.16) writes to a connection that is gone, which uvloop does not take in silence.
    with suppress(nats.errors.Error, OSError, RuntimeError):
        await client.close()
