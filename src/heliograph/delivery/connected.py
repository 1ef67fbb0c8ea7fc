"""The gateway of a lane: opened anew when the credential is another, the old one drained first."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self

from heliograph.gateways.base import Gateway, OpenGateway
from heliograph.model.credential import Held


class _Open:
    """An open gateway, and how many batches are being sent over it."""

    def __init__(self, held_id: str, gateway: Gateway, stack: AsyncExitStack) -> None:
        self.held_id = held_id
        self.gateway = gateway
        self.stack = stack
        self.users = 0


class Connected:
    """Lends the gateway of the credential that is in force; a context that closes the last one."""

    def __init__(self, open_gateway: OpenGateway) -> None:
        self._open_gateway = open_gateway
        self._current: _Open | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._current is not None:
            await self._current.stack.aclose()

    @asynccontextmanager
    async def gateway(self, held: Held) -> AsyncIterator[Gateway]:
        """The gateway of this credential, for as long as the block lasts."""
        current = self._current
        if current is None or current.held_id != held.id:
            current = await self._replaced(held)
        current.users += 1
        try:
            yield current.gateway
        finally:
            current.users -= 1
            await self._close_if_unused(current)

    async def _replaced(self, held: Held) -> _Open:
        stack = AsyncExitStack()
        gateway = await stack.enter_async_context(self._open_gateway(held.credential))
        old, self._current = self._current, _Open(held.id, gateway, stack)
        if old is not None:
            await self._close_if_unused(old)
        return self._current

    async def _close_if_unused(self, opened: _Open) -> None:
        if opened is not self._current and opened.users == 0:
            await opened.stack.aclose()
