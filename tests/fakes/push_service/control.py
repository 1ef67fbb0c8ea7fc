"""The HTTP API by which tests steer the service and read what it has seen."""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from tests.fakes.push_service import base64url
from tests.fakes.push_service.answers import Answer, Vendor
from tests.fakes.push_service.autopush import Autopush
from tests.fakes.push_service.connections import Listener
from tests.fakes.push_service.ledger import Ledger
from tests.fakes.push_service.subscriptions import LoopbackUserAgent, Script, Subscription
from tests.fakes.push_service.vendors import VENDORS


def control_app(ledger: Ledger, push_listener: Listener) -> Starlette:
    """Build the application of the plain listener: /control/... and the browsers' /autopush."""
    control = _Control(ledger, push_listener)
    return Starlette(
        routes=[
            WebSocketRoute("/autopush", Autopush(ledger).connect),
            _post("/control/subscriptions", control.subscribe),
            _post("/control/subscriptions/{token}/expire", control.expire),
            _get("/control/subscriptions/{token}/messages", control.messages),
            _get("/control/requests", control.requests),
            _get("/control/acknowledgements", control.acknowledgements),
            _get("/control/counts", control.counts),
            _get("/control/refusals", control.refusals),
            _post("/control/refusals/clear", control.clear_refusals),
            _get("/control/connections", control.connections),
            _post("/control/connections/cut", control.cut_connections),
            _post("/control/scripts", control.script),
            _post("/control/hold", control.hold),
            _post("/control/release", control.release),
            _get("/control/held", control.held),
            _post("/control/reset", control.reset),
        ]
    )


class _Control:
    def __init__(self, ledger: Ledger, push_listener: Listener) -> None:
        self._ledger = ledger
        self._listener = push_listener

    async def subscribe(self, request: Request) -> Response:
        wish = await request.json()
        vapid_key = base64url.decode(wish["vapidPublicKey"])
        vendor = VENDORS[wish["vendor"]]
        made = [self._subscription(vapid_key, vendor) for _ in range(wish["count"])]
        return JSONResponse(made)

    def _subscription(self, vapid_key: bytes, vendor: Vendor) -> dict[str, Any]:
        user_agent = LoopbackUserAgent()
        subscription = Subscription(vapid_key=vapid_key, user_agent=user_agent, vendor=vendor)
        self._ledger.add(subscription)
        endpoint = self._ledger.endpoint_of(subscription)
        return {"endpoint": endpoint, "expirationTime": None, "keys": user_agent.keys()}

    async def expire(self, request: Request) -> Response:
        self._ledger.subscriptions[request.path_params["token"]].expired = True
        return _done()

    async def messages(self, request: Request) -> Response:
        subscription = self._ledger.subscriptions[request.path_params["token"]]
        return JSONResponse([asdict(message) for message in subscription.messages])

    async def requests(self, request: Request) -> Response:
        token = request.query_params.get("token")
        return JSONResponse(
            [asdict(seen) for seen in self._ledger.requests if token in {None, seen.token}]
        )

    async def acknowledgements(self, request: Request) -> Response:
        token = request.query_params["token"]
        noted = self._ledger.acknowledgements
        return JSONResponse([asdict(one) for one in noted if one.token == token])

    async def counts(self, _: Request) -> Response:
        """Count the messages of each subscription."""
        subscriptions = self._ledger.subscriptions.items()
        return JSONResponse({token: len(one.messages) for token, one in subscriptions})

    async def refusals(self, _: Request) -> Response:
        return JSONResponse([asdict(refusal) for refusal in self._ledger.refusals])

    async def clear_refusals(self, _: Request) -> Response:
        self._ledger.refusals.clear()
        return _done()

    async def connections(self, _: Request) -> Response:
        return JSONResponse([asdict(one) for one in self._listener.connections])

    async def cut_connections(self, _: Request) -> Response:
        self._listener.cut()
        return _done()

    async def script(self, request: Request) -> Response:
        wish = await request.json()
        scripts = deque(_script(order) for order in wish["answers"])
        if wish["token"] is None:
            self._ledger.scripts_for_all.extend(scripts)
        else:
            self._ledger.subscriptions[wish["token"]].scripts.extend(scripts)
        return _done()

    async def hold(self, _: Request) -> Response:
        self._ledger.gate.close()
        return _done()

    async def release(self, _: Request) -> Response:
        self._ledger.gate.open()
        return _done()

    async def held(self, _: Request) -> Response:
        return JSONResponse(self._ledger.gate.waiting)

    async def reset(self, _: Request) -> Response:
        self._ledger.reset()
        self._listener.reset()
        return _done()


def _script(order: dict[str, Any]) -> Script:
    answer = Answer(status=order["status"], headers=order["headers"], body=order["body"].encode())
    return Script(answer=answer, delay_s=order["delay_s"], delivers=order["delivers"])


def _get(path: str, endpoint: Callable[..., Any]) -> Route:
    return Route(path, endpoint, methods=["GET"])


def _post(path: str, endpoint: Callable[..., Any]) -> Route:
    return Route(path, endpoint, methods=["POST"])


def _done() -> Response:
    return Response(status_code=204)
