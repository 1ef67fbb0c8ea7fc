"""All that the fake APNs knows: teams, devices, requests, refusals, and what it is to answer."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.apns.credentials import (
    ProviderToken,
    Team,
    check_certificate,
    check_key,
    provider_token,
)
from tests.fakes.apns.orders import Order, Orders
from tests.fakes.apns.rules import (
    Device,
    RefusedError,
    check_device,
    check_headers,
    check_payload,
    check_request_line,
)

if TYPE_CHECKING:
    from tests.fakes.apns.connection import Connection

MAX_STREAMS = 500
MAX_CONNECTIONS_A_MINUTE = 20
"""Of one team: Apple takes quick reconnecting for an attack, and doesn't say from when on."""


@dataclass(slots=True, kw_only=True)
class Request:
    """A request, whatever came of it. status: None until it is answered.

    arrived_s: on the clock that all processes of the machine have in common (time.monotonic).
    """

    token: str
    headers: Mapping[str, str]
    arrived_at: float
    arrived_s: float
    apns_id: str
    status: int | None = None
    reason: str = ""


@dataclass(slots=True)
class Ledger:
    """The state of the fake."""

    max_streams: int = MAX_STREAMS
    max_connections_a_minute: int = MAX_CONNECTIONS_A_MINUTE
    teams: dict[str, Team] = field(default_factory=lambda: defaultdict(Team))
    devices: dict[str, Device] = field(default_factory=dict)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    requests: list[Request] = field(default_factory=list)
    refusals: list[dict[str, str]] = field(default_factory=list)
    orders: Orders = field(default_factory=Orders)
    connections: "list[Connection]" = field(default_factory=list)
    verified: dict[str, ProviderToken] = field(default_factory=dict)
    above_goaway: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    _opened: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.gate.set()

    def seen(self, token: str, headers: Mapping[str, str]) -> Request:
        request = Request(
            token=token,
            headers=headers,
            arrived_at=time.time(),
            arrived_s=time.monotonic(),
            apns_id=headers.get("apns-id", ""),
        )
        self.requests.append(request)
        return request

    def refuse(self, token: str, error: RefusedError) -> None:
        self.refusals.append({"rule": error.reason, "detail": error.detail, "token": token})

    def order_for(self, token: str) -> Order:
        """What is to be answered to a request that is right."""
        order = self.orders.take(token)
        if order is not None:
            return order
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
        check_request_line(by_name)
        if len(by_name) < len(headers):
            raise RefusedError(400, "DuplicateHeaders")
        self._authenticate(connection, by_name)
        check_headers(by_name)
        payload = check_payload(body, by_name)
        check_device(token, self.devices, by_name, sandbox=connection.sandbox)
        message = {"headers": by_name, "payload": payload, "arrived_at": time.time()}
        return lambda: self.messages[token].append(message)

    def _authenticate(self, connection: "Connection", headers: Mapping[str, str]) -> None:
        sandbox = connection.sandbox
        if connection.certificate is not None:
            check_certificate(connection.certificate, headers, sandbox=sandbox)
            return
        if "authorization" not in headers:
            raise RefusedError(403, "MissingProviderToken")
        token = provider_token(headers["authorization"], self.teams, self.verified)
        if connection.pinned.token is None:
            self._count_connection(token.team_id)
        connection.pinned.check(token)
        check_key(token.key, headers, sandbox=sandbox)

    def _count_connection(self, team: str) -> None:
        """Record it as a breach if the team has opened too many; the request goes on."""
        now = time.monotonic()
        self._opened[team] = [at for at in self._opened[team] if at > now - 60] + [now]
        opened = len(self._opened[team])
        if opened > self.max_connections_a_minute:
            detail = f"{opened} in a minute"
            self.refuse("", RefusedError(0, "TooManyConnections", detail))

    def reset(self) -> None:
        """Forget what was sent and ordered; teams and devices stay."""
        self.gate.set()
        self.requests.clear()
        self.refusals.clear()
        self.messages.clear()
        self.orders.clear()
        self.max_streams = MAX_STREAMS
        self.max_connections_a_minute = MAX_CONNECTIONS_A_MINUTE
        self.above_goaway = 0
