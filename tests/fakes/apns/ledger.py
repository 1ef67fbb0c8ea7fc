"""All that the fake APNs knows: teams, devices, requests, refusals, and what it is to answer."""

import asyncio
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.apns.rules import (
    SUFFIXES,
    Device,
    RefusedError,
    Team,
    authenticate,
    check_device,
    check_headers,
    check_payload,
)

if TYPE_CHECKING:
    from tests.fakes.apns.connection import Connection

LEAST_TOKEN_AGE_S = 20 * 60


@dataclass(slots=True, kw_only=True)
class Order:
    """An answer: of the fake itself, or ordered in advance."""

    status: int = 200
    reason: str = ""
    timestamp_ms: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0
    goaway: bool = False
    reset: bool = False
    cut: bool = False


@dataclass(slots=True, kw_only=True)
class Request:
    """A request, whatever came of it. status: None until it is answered."""

    token: str
    headers: Mapping[str, str]
    arrived_at: float
    apns_id: str
    status: int | None = None
    reason: str = ""


@dataclass(slots=True)
class Ledger:
    """The state of the fake."""

    max_streams: int = 500
    teams: dict[str, Team] = field(default_factory=lambda: defaultdict(Team))
    devices: dict[str, Device] = field(default_factory=dict)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    requests: list[Request] = field(default_factory=list)
    refusals: list[dict[str, str]] = field(default_factory=list)
    orders: dict[str, deque[Order]] = field(default_factory=lambda: defaultdict(deque))
    next_of_all: deque[Order] = field(default_factory=deque)
    for_all: Order | None = None
    connections: "list[Connection]" = field(default_factory=list)
    verified: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    above_goaway: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def seen(self, token: str, headers: Mapping[str, str]) -> Request:
        apns_id = headers.get("apns-id", "")
        request = Request(token=token, headers=headers, arrived_at=time.time(), apns_id=apns_id)
        self.requests.append(request)
        return request

    def refuse(self, token: str, error: RefusedError) -> None:
        self.refusals.append({"rule": error.reason, "detail": error.detail, "token": token})

    def order_for(self, token: str) -> Order:
        """What is to be answered to a request that is right."""
        for orders in (self.orders[token], self.next_of_all):
            if orders:
                return orders.popleft()
        if self.for_all is not None:
            return self.for_all
        gone_at = self.devices[token].gone_at
        if gone_at is not None:
            return Order(status=410, reason="Unregistered", timestamp_ms=gone_at)
        return Order()

    def judge(
        self,
        connection: "Connection",
        headers: list[tuple[str, str]],
        token: str,
        body: bytes,
    ) -> Callable[[], None]:
        """What counts a right request as received. Raises RefusedError for any other."""
        by_name = dict(headers)
        if by_name[":method"] != "POST":
            raise RefusedError(405, "MethodNotAllowed")
        if not by_name[":path"].startswith("/3/device/"):
            raise RefusedError(404, "BadPath")
        if len(by_name) < len(headers):
            raise RefusedError(400, "DuplicateHeaders")
        self._authenticate(connection, by_name)
        check_headers(by_name)
        payload = check_payload(body, by_name)
        check_device(token, self.devices, by_name, sandbox=connection.sandbox)
        message = {"headers": by_name, "payload": payload, "arrived_at": time.time()}
        return lambda: self.messages[token].append(message)

    def _authenticate(self, connection: "Connection", headers: Mapping[str, str]) -> None:
        if connection.certificate:
            if "authorization" in headers:
                raise RefusedError(403, "InvalidProviderToken", "a certificate is enough")
            self._check_certificate(connection, headers)
            return
        if "authorization" not in headers:
            raise RefusedError(403, "MissingProviderToken")
        team, key, issued = authenticate(headers["authorization"], self.teams, self.verified)
        if connection.team is None:
            connection.team, connection.issued = (team, key), issued
        if connection.team[0] != team:
            raise RefusedError(403, "InvalidProviderToken", "another team on this connection")
        if connection.team[1] != key:
            raise RefusedError(403, "UnrelatedKeyIdInToken")
        changed = issued != connection.issued
        if connection.poisoned or (
            changed and issued - (connection.issued or 0) < LEAST_TOKEN_AGE_S
        ):
            connection.poisoned = True
            raise RefusedError(429, "TooManyProviderTokenUpdates")
        connection.issued = issued

    def _check_certificate(self, connection: "Connection", headers: Mapping[str, str]) -> None:
        subject = json.dumps(connection.certificate)
        topic = headers.get("apns-topic", "")
        suffix = SUFFIXES.get(headers.get("apns-push-type", ""), "")
        if json.dumps(topic.removesuffix(suffix)) not in subject:
            raise RefusedError(400, "TopicDisallowed", topic)

    def reset(self) -> None:
        """Forget what was sent and ordered; teams and devices stay."""
        self.gate.set()
        self.requests.clear()
        self.refusals.clear()
        self.messages.clear()
        self.orders.clear()
        self.next_of_all.clear()
        self.for_all = None
        self.above_goaway = 0
