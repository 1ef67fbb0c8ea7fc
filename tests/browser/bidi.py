"""A minimal client of WebDriver BiDi (W3C): numbered commands over one WebSocket."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

START_TIMEOUT_S = 60
#: Pages may use servers whose certificates are of the tests' own authorities.
CAPABILITIES = {"alwaysMatch": {"acceptInsecureCerts": True}}


class BrowserError(Exception):
    """The browser refused a command, or is gone, or the page's script threw."""


class Session:
    """One session with a browser, the only one it allows."""

    def __init__(self, client: ClientSession, socket: ClientWebSocketResponse) -> None:
        self._client = client
        self._socket = socket
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._sent = 0
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, port: int) -> Self:
        client = ClientSession()
        try:
            url = f"ws://127.0.0.1:{port}/session"
            socket = await client.ws_connect(url, max_msg_size=0)
        except BaseException:
            await client.close()
            raise
        session = cls(client, socket)
        try:
            await session.command("session.new", {"capabilities": CAPABILITIES}, START_TIMEOUT_S)
        except BaseException:
            await session.close()
            raise
        return session

    async def command(self, method: str, parameters: Mapping[str, Any], timeout_s: float) -> Any:
        """Give a command and return its result. Raises: BrowserError, TimeoutError."""
        if self._reader.done():
            raise BrowserError("the connection to Firefox has ended")
        self._sent += 1
        answer = self._waiting[self._sent] = asyncio.get_running_loop().create_future()
        command = {"id": self._sent, "method": method, "params": parameters}
        async with asyncio.timeout(timeout_s):
            await self._socket.send_str(json.dumps(command))
            return await answer

    async def close(self) -> None:
        await self._socket.close()
        await self._client.close()
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader

    async def _read(self) -> None:
        async for frame in self._socket:
            if frame.type == WSMsgType.TEXT:
                self._settle(json.loads(frame.data))
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(BrowserError("the connection to Firefox has ended"))

    def _settle(self, message: Mapping[str, Any]) -> None:
        answer = self._waiting.pop(message.get("id") or 0, None)
        if answer is None or answer.done():
            return
        if message["type"] == "success":
            answer.set_result(message["result"])
        else:
            answer.set_exception(BrowserError(f"{message['error']}: {message['message']}"))
