"""The WebSocket that Firefox keeps open to its push service.

Mozilla's "push-notification" protocol: JSON text frames hello, register, unregister, notification,
ack and nack. Several browsers at once; what one has not acknowledged comes again after its hello.
"""

import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import uuid4

from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.fakes.push_service import base64url
from tests.fakes.push_service.ledger import Acknowledgement, Ledger
from tests.fakes.push_service.subscriptions import Message, Subscription

SUBPROTOCOL = "push-notification"

Frame: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """A message that the browser has not acknowledged."""

    frame: Frame
    topic: str | None
    expires_at: float


@dataclass(slots=True, kw_only=True, eq=False)
class Browser:
    """One Firefox profile, connected or not."""

    uaid: str = field(default_factory=lambda: uuid4().hex)
    socket: WebSocket | None = None
    subscriptions: dict[str, Subscription] = field(default_factory=dict)  # by channel
    stored: dict[str, _Stored] = field(default_factory=dict)  # by version
    tokens: dict[str, str] = field(default_factory=dict)  # by version

    async def send(self, frame: Frame) -> None:
        if self.socket is not None:
            # A message to a browser that is just leaving stays stored until its next hello.
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self.socket.send_text(json.dumps(frame))

    async def keep_and_send(self, stored: _Stored) -> None:
        if stored.topic is not None:
            self._discard(stored.frame["channelID"], stored.topic)
        self.stored[stored.frame["version"]] = stored
        await self.send(stored.frame)

    async def send_stored(self) -> None:
        for version, stored in list(self.stored.items()):
            if stored.expires_at > time.time():
                await self.send(stored.frame)
            else:
                del self.stored[version]

    def _discard(self, channel: str, topic: str) -> None:
        """Drop what a newer message with the same topic replaces."""
        replaced = [
            version
            for version, stored in self.stored.items()
            if stored.frame["channelID"] == channel and stored.topic == topic
        ]
        for version in replaced:
            del self.stored[version]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One subscription's way to its browser."""

    browser: Browser
    channel: str

    def read(self, body: bytes) -> None:
        """Decrypt nothing: only the browser has the key."""

    async def receive(self, subscription: Subscription, message: Message, body: bytes) -> None:
        frame: Frame = {
            "messageType": "notification",
            "channelID": self.channel,
            "version": message.version,
        }
        if body:
            frame |= {"data": base64url.encode(body), "headers": {"encoding": "aes128gcm"}}
        self.browser.tokens[message.version] = subscription.token
        stored = _Stored(
            frame=frame,
            topic=message.headers.get("topic"),
            expires_at=time.time() + int(message.headers["ttl"]),
        )
        await self.browser.keep_and_send(stored)


class Autopush:
    """The service's side of the protocol."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._browsers: dict[str, Browser] = {}
        self._replies: Mapping[str, Callable[[Browser, Frame], Awaitable[None]]] = {
            "register": self._register,
            "unregister": self._unregister,
            "ack": self._acknowledge,
            "nack": self._refuse,
        }

    async def connect(self, socket: WebSocket) -> None:
        """Serve one connection until it ends."""
        offered = socket.scope["subprotocols"]
        await socket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
        browser: Browser | None = None
        try:
            while True:
                frame: Frame = json.loads(await socket.receive_text())
                if frame.get("messageType") == "hello":
                    browser = await self._greet(socket, frame)
                elif browser is not None:
                    await self._reply(browser, frame)
        except WebSocketDisconnect:
            pass
        finally:
            if browser is not None and browser.socket is socket:
                browser.socket = None

    async def _greet(self, socket: WebSocket, frame: Frame) -> Browser:
        # A browser whose uaid isn't echoed drops all its subscriptions: right if it is unknown.
        browser = self._browsers.get(frame.get("uaid", "")) or Browser()
        self._browsers[browser.uaid] = browser
        browser.socket = socket
        hello = {"messageType": "hello", "uaid": browser.uaid, "status": 200}
        await browser.send({**hello, "use_webpush": True, "broadcasts": {}})
        await browser.send_stored()
        return browser

    async def _reply(self, browser: Browser, frame: Frame) -> None:
        if not frame:  # a ping
            await browser.send({})
        reply = self._replies.get(frame.get("messageType", ""))
        if reply is not None:
            await reply(browser, frame)

    async def _register(self, browser: Browser, frame: Frame) -> None:
        channel = frame["channelID"]
        answer: Frame = {"messageType": "register", "channelID": channel}
        if "key" not in frame:
            await browser.send({**answer, "status": 400})
            return
        subscription = Subscription(
            vapid_key=base64url.decode(frame["key"].rstrip("=")),
            user_agent=Channel(browser=browser, channel=channel),
        )
        self._ledger.add(subscription)
        browser.subscriptions[channel] = subscription
        endpoint = self._ledger.endpoint_of(subscription)
        await browser.send({**answer, "status": 200, "pushEndpoint": endpoint})

    async def _unregister(self, browser: Browser, frame: Frame) -> None:
        channel = frame["channelID"]
        subscription = browser.subscriptions.pop(channel, None)
        if subscription is not None:
            subscription.expired = True
        await browser.send({"messageType": "unregister", "channelID": channel, "status": 200})

    async def _acknowledge(self, browser: Browser, frame: Frame) -> None:
        for update in frame["updates"]:
            self._note(browser, "ack", update)

    async def _refuse(self, browser: Browser, frame: Frame) -> None:
        self._note(browser, "nack", frame)

    def _note(self, browser: Browser, kind: str, update: Frame) -> None:
        version = update["version"]
        browser.stored.pop(version, None)
        acknowledgement = Acknowledgement(
            kind=kind,
            code=update.get("code", 100),
            version=version,
            token=browser.tokens.get(version, ""),
        )
        self._ledger.acknowledgements.append(acknowledgement)
