"""All that the service knows: subscriptions, requests, refusals, scripts and held requests."""

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.fakes.push_service.encryption import SeenOnce
from tests.fakes.push_service.refusals import Refusal, RefusedError, Rule
from tests.fakes.push_service.subscriptions import Message, Script, Subscription
from tests.fakes.push_service.vapid import Renewals


@dataclass(slots=True, kw_only=True)
class Request:
    """A request to an endpoint, whatever came of it. status: None until it is answered."""

    token: str
    order: int
    http_version: str
    headers: Mapping[str, str]
    body_bytes: int
    arrived_at: float
    status: int | None = None
    rule: Rule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What a browser said of a message: 100 taken, 101 not decrypted, 301 to 303 worker failed."""

    kind: str  # "ack" or "nack"
    code: int
    version: str
    token: str


class Gate:
    """Holds requests back until it is opened."""

    def __init__(self) -> None:
        self.waiting = 0
        self._open = asyncio.Event()
        self._open.set()

    def close(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    async def passage(self) -> None:
        self.waiting += 1
        try:
            await self._open.wait()
        finally:
            self.waiting -= 1


@dataclass(slots=True, kw_only=True)
class Ledger:
    """The state of the service. origin: of its endpoints, e.g. https://localhost:4443."""

    origin: str
    gate: Gate = field(default_factory=Gate)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    seen: SeenOnce = field(default_factory=SeenOnce)
    renewals: Renewals = field(default_factory=Renewals)
    requests: list[Request] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    scripts_for_all: deque[Script] = field(default_factory=deque)
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    taken: int = 0

    def endpoint_of(self, subscription: Subscription) -> str:
        return self.origin + subscription.vendor.TARGET.format(token=subscription.token)

    def add(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.token] = subscription

    def active(self, token: str) -> Subscription | None:
        subscription = self.subscriptions.get(token)
        return None if subscription is None or subscription.expired else subscription

    def refuse(self, request: Request, error: RefusedError) -> None:
        request.rule = error.rule
        refusal = Refusal(rule=error.rule, detail=error.detail, token=request.token)
        self.refusals.append(refusal)

    def next_script(self, subscription: Subscription) -> Script | None:
        for scripts in (subscription.scripts, self.scripts_for_all):
            if scripts:
                return scripts.popleft()
        return None

    def take(self, subscription: Subscription, request: Request, text: str | None) -> Message:
        """Count a message as received."""
        self.taken += 1
        message = Message(
            version=secrets.token_hex(8),
            order=self.taken,
            text=text,
            headers=request.headers,
            arrived_at=request.arrived_at,
        )
        subscription.messages.append(message)
        return message

    def reset(self) -> None:
        """Forget everything. Held requests go on, and find their subscriptions gone."""
        for subscription in self.subscriptions.values():
            subscription.expired = True
        self.gate.open()
        self.subscriptions.clear()
        self.seen = SeenOnce()
        self.renewals = Renewals()
        self.requests.clear()
        self.refusals.clear()
        self.scripts_for_all.clear()
        self.acknowledgements.clear()
        self.taken = 0
