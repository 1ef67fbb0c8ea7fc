"""The roll: which processes hand messages to gateways, and calling each of them by its name.

Each signs it every few seconds. What was signed stays for a while and is forgotten by itself. It is
on disk: a broker that is started again must not have forgotten who is still sending.
"""

import logging
from asyncio import Task, create_task, wait
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NoStreamResponseError

from heliograph.model.errors import Unavailable

logger = logging.getLogger(__name__)

SIGNED_FOR = timedelta(seconds=10)
"""So long a signature stays, from when the broker has it."""
STREAM = StreamConfig(
    name="WORKERS",
    subjects=["workers.>"],
    retention=RetentionPolicy.LIMITS,
    storage=StorageType.FILE,
    max_age=SIGNED_FOR.total_seconds(),
    max_msgs_per_subject=1,
    max_bytes=1024**2,
)
_PREFIX = "workers."
_TIMEOUT_S = 2.0
_BROKER_ERRORS = (nats.errors.Error, NoStreamResponseError, TimeoutError)


class Roll:
    """Signed by those who send, read and called by those who want something of them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._context = client.jetstream(timeout=_TIMEOUT_S)

    async def sign(self, name: str) -> None:
        """Be on the roll from now on, for as long as a signature stays. Raises Unavailable."""
        try:
            await self._context.publish(_PREFIX + name, b"", timeout=_TIMEOUT_S)
        except _BROKER_ERRORS as error:
            raise Unavailable("broker") from error

    async def leave(self, name: str) -> None:
        """Be on it no more. If that can't be said now, the signature is forgotten in a while."""
        with suppress(*_BROKER_ERRORS):
            await self._context.purge_stream(str(STREAM.name), subject=_PREFIX + name)

    async def names(self) -> set[str]:
        """Who is on the roll. Raises Unavailable."""
        try:
            found = await self._context.stream_info(str(STREAM.name), subjects_filter=">")
        except _BROKER_ERRORS as error:
            raise Unavailable("broker") from error
        return {subject.removeprefix(_PREFIX) for subject in found.state.subjects or {}}

    async def call(self, name: str, message: bytes, *, within: timedelta) -> bool:
        """Call one of them, and tell whether it has answered."""
        try:
            await self._client.request(_subject_of(name), message, timeout=within.total_seconds())
        except _BROKER_ERRORS:
            return False
        return True

    @asynccontextmanager
    async def answering(
        self, name: str, answer: Callable[[bytes], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """Answer calls by this name, when what they ask for is done. Raises Unavailable."""
        under_way = set[Task[None]]()

        async def begin(message: Msg) -> None:
            # The client would wait for the end of one before it takes the next.
            task = create_task(_answer(message, answer))
            under_way.add(task)
            task.add_done_callback(under_way.discard)

        try:
            subscription = await self._client.subscribe(_subject_of(name), cb=begin)
        except nats.errors.Error as error:
            raise Unavailable("broker") from error
        try:
            yield
        finally:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()
            if under_way:
                await wait(under_way)


def _subject_of(name: str) -> str:
    return f"recall.{name}"


async def _answer(message: Msg, answer: Callable[[bytes], Awaitable[None]]) -> None:
    try:
        await answer(message.data)
        await message.respond(b"")
    except nats.errors.Error as error:
        logger.warning("a call could not be answered: %r", error)
    except Exception:
        logger.exception("a call could not be answered")
