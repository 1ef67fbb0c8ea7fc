"""The HTTP API by which tests steer the fake APNs and read what it has seen."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.apns.credentials import Key
from tests.fakes.apns.ledger import Ledger
from tests.fakes.apns.orders import Order
from tests.fakes.apns.rules import Device

Handler = Callable[[dict[str, Any]], Any]


def control_app(ledger: Ledger) -> Starlette:
    """Build the application of the plain listener: POST /control/WHAT with a JSON object."""
    control = _Control(ledger)
    names = [name for name in dir(control) if not name.startswith("_")]
    return Starlette(
        routes=[
            Route(f"/control/{name}", _endpoint(getattr(control, name)), methods=["POST"])
            for name in names
        ]
    )


def _endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return JSONResponse(handler(await request.json()))

    return endpoint


class _Control:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def add_key(self, wish: dict[str, Any]) -> None:
        public = cast(ec.EllipticCurvePublicKey, load_pem_public_key(wish["publicPem"].encode()))
        topics = None if wish["topics"] is None else frozenset(wish["topics"])
        key = Key(public=public, topics=topics, sandbox=wish["sandbox"])
        self._ledger.teams[wish["team"]].keys[wish["key"]] = key

    def add_devices(self, wish: dict[str, Any]) -> None:
        for token in wish["tokens"]:
            device = Device(topic=wish["topic"], sandbox=wish["sandbox"])
            self._ledger.devices[token] = device

    def forget(self, wish: dict[str, Any]) -> None:
        self._ledger.devices[wish["token"]].gone_at = wish["timestampMs"]

    def messages(self, wish: dict[str, Any]) -> Any:
        return self._ledger.messages[wish["token"]]

    def counts(self, _: dict[str, Any]) -> Any:
        return {token: len(found) for token, found in self._ledger.messages.items()}

    def requests(self, wish: dict[str, Any]) -> Any:
        token = wish["token"]
        return [asdict(one) for one in self._ledger.requests if token in {None, one.token}]

    def request_count(self, _: dict[str, Any]) -> int:
        return len(self._ledger.requests)

    def refusals(self, _: dict[str, Any]) -> Any:
        return self._ledger.refusals

    def clear_refusals(self, _: dict[str, Any]) -> None:
        self._ledger.refusals.clear()

    def order(self, wish: dict[str, Any]) -> None:
        self._ledger.orders.add(wish["token"], [Order(**order) for order in wish["answers"]])

    def order_all(self, wish: dict[str, Any]) -> None:
        answer = wish["answer"]
        self._ledger.orders.for_all = None if answer is None else Order(**answer)

    def limit_streams(self, wish: dict[str, Any]) -> None:
        self._ledger.max_streams = wish["streams"]
        for connection in self._ledger.connections:
            connection.limit(wish["streams"])

    def limit_connections(self, wish: dict[str, Any]) -> None:
        self._ledger.max_connections_a_minute = wish["aMinute"]

    def go_deaf(self, _: dict[str, Any]) -> None:
        for connection in self._ledger.connections:
            connection.is_deaf = True

    def hold(self, _: dict[str, Any]) -> None:
        self._ledger.gate.clear()

    def release(self, _: dict[str, Any]) -> None:
        self._ledger.gate.set()

    def connections(self, _: dict[str, Any]) -> Any:
        return [
            {"requests": one.requests, "isOpen": one.is_open, "sandbox": one.sandbox}
            for one in self._ledger.connections
        ]

    def provider_tokens(self, _: dict[str, Any]) -> int:
        return len(self._ledger.verified)

    def above_goaway(self, _: dict[str, Any]) -> int:
        return self._ledger.above_goaway

    def reset(self, _: dict[str, Any]) -> None:
        self._ledger.reset()
