"""The fake FCM: token endpoint, send endpoint, and the API by which tests steer both."""

import asyncio
import json
import secrets
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tests.fakes.fcm.oauth import Account, check_assertion, check_form
from tests.fakes.fcm.rules import (
    RefusedError,
    check_bearer,
    check_message,
    check_token,
    no_such_page,
    too_many_for_a_device,
    unregistered,
)

TOKEN_LIFETIME_S = 3599
MAX_A_MINUTE = 240
"""Messages to one device; the real FCM allows 5000 in an hour, besides."""
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
Order = dict[str, Any]


class Service:
    """All that the fake knows and does."""

    def __init__(self, origin: str) -> None:
        self._token_url = f"{origin}/token"
        self._accounts: dict[str, Account] = {}
        self._owners: dict[str, str] = {}
        self._gone: set[str] = set()
        self._issued: dict[str, tuple[str, float]] = {}
        self._revoked: dict[str, int] = {}
        self._messages: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._validated: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._requests: list[dict[str, Any]] = []
        self._token_requests: list[int] = []
        self._refusals: list[dict[str, str]] = []
        self._orders: dict[str, deque[Order]] = defaultdict(deque)
        self._for_all: dict[str, Order | None] = {}
        self._token_lifetime_s = TOKEN_LIFETIME_S
        self._max_a_minute = MAX_A_MINUTE
        self.cut: Callable[[], None] = lambda: None
        """Ends all connections without a goodbye."""
        self._gate = asyncio.Event()
        self._gate.set()
        self._clock_ahead_s = 0

    def gateway(self) -> Starlette:
        send = "/v1/projects/{project}/messages:send"
        return Starlette(
            routes=[
                Route("/token", self._token, methods=["POST"]),
                Route(send, self._send, methods=["POST"]),
                Route("/{path:path}", self._unknown, methods=METHODS),
            ]
        )

    def control(self) -> Starlette:
        """Build the application of the plain listener: POST /control/WHAT with a JSON object."""
        prefix = "ask_"
        names = [name for name in dir(self) if name.startswith(prefix)]
        return Starlette(
            routes=[
                Route(
                    f"/control/{name.removeprefix(prefix)}",
                    _endpoint(getattr(self, name)),
                    methods=["POST"],
                )
                for name in names
            ]
        )

    async def _token(self, request: Request) -> Response:
        body, content_type = await request.body(), request.headers.get("content-type", "")
        try:
            assertion = check_form(body, content_type)
            account = check_assertion(assertion, self._accounts, self._token_url, time.time())
        except RefusedError as refused:
            self._token_requests.append(refused.status)
            return self._refuse(refused, "")
        order = self._order("token endpoint")
        self._token_requests.append(200 if order is None else order["status"])
        if order is not None:
            return await self._ordered(order)
        value, lifetime_s = f"ya29.{secrets.token_urlsafe(60)}", self._token_lifetime_s
        self._issued[value] = account.project, time.time() + lifetime_s
        granted = {"access_token": value, "expires_in": lifetime_s, "token_type": "Bearer"}
        date = formatdate(time.time() + self._clock_ahead_s, usegmt=True)
        return JSONResponse(granted, headers={"date": date})

    async def _send(self, request: Request) -> Response:
        project, bearer = request.path_params["project"], request.headers.get("authorization", "")
        seen = {"token": "", "arrived_at": time.time(), "status": None}
        self._requests.append(seen)
        # All of it: hypercorn does not survive a body that comes behind the answer.
        content = await request.body()
        if self._is_revoked_for_the_first_time(bearer):
            return JSONResponse({"error": {"code": 401, "status": "UNAUTHENTICATED"}}, 401)
        try:
            check_bearer(bearer, project, self._issued)
            content_type = request.headers.get("content-type", "")
            body = check_message(content, content_type)
            seen["token"] = token = body["message"].pop("token", "")
            check_token(token, project, self._owners)
        except RefusedError as refused:
            seen["status"] = refused.status
            return self._refuse(refused, str(seen["token"]))
        message = {**body, "arrived_at": seen["arrived_at"]}
        response = await self._settle(token, message, project)
        seen["status"] = response.status_code
        return response

    async def _settle(self, token: str, message: dict[str, Any], project: str) -> Response:
        """Answer a request that is right, as ordered or by itself."""
        order = self._order(token)
        await self._gate.wait()
        if order is not None:
            if order["delivers"]:
                self._messages[token].append(message)
            return await self._ordered(order)
        if token in self._gone:
            return JSONResponse(unregistered(), 404)
        if self._is_too_fast_for_a_device(token):
            return JSONResponse(too_many_for_a_device(), 429)
        received = self._validated if message.get("validate_only") else self._messages
        received[token].append(message)
        return JSONResponse({"name": f"projects/{project}/messages/{secrets.token_hex(8)}"})

    def _is_too_fast_for_a_device(self, token: str) -> bool:
        since = time.time() - 60
        lately = [one for one in self._messages[token] if one["arrived_at"] > since]
        return len(lately) >= self._max_a_minute

    async def _unknown(self, request: Request) -> Response:
        return self._refuse(no_such_page(request.url.path), "")

    def _is_revoked_for_the_first_time(self, bearer: str) -> bool:
        value = bearer.removeprefix("Bearer ")
        if value not in self._revoked:
            return False
        self._revoked[value] += 1
        # Those that were in flight at once could not know.
        return self._revoked[value] <= 100

    def _refuse(self, refused: RefusedError, token: str) -> Response:
        detail = json.dumps(refused.body)[:300]
        self._refusals.append({"rule": refused.rule, "detail": detail, "token": token})
        if isinstance(refused.body, str):
            return HTMLResponse(refused.body, refused.status)
        return JSONResponse(refused.body, refused.status)

    async def _ordered(self, order: Order) -> Response:
        await asyncio.sleep(order["delay_s"])
        if order["cut"]:
            self.cut()
        body = order["body"] if isinstance(order["body"], str) else json.dumps(order["body"])
        return Response(body, order["status"], headers=order["headers"])

    def _order(self, name: str) -> Order | None:
        if self._orders[name]:
            return self._orders[name].popleft()
        kind = "token endpoint" if name == "token endpoint" else "send"
        return self._for_all.get(kind)

    def ask_add_account(self, wish: dict[str, Any]) -> None:
        account = Account(wish["project"], wish["email"], wish["keyId"], wish["publicPem"])
        self._accounts[account.email] = account

    def ask_delete_account(self, wish: dict[str, Any]) -> None:
        del self._accounts[wish["email"]]

    def ask_add_devices(self, wish: dict[str, Any]) -> None:
        self._owners.update(dict.fromkeys(wish["tokens"], wish["project"]))

    def ask_forget(self, wish: dict[str, Any]) -> None:
        self._gone.add(wish["token"])

    def ask_messages(self, wish: dict[str, Any]) -> Any:
        return self._messages[wish["token"]]

    def ask_counts(self, _: dict[str, Any]) -> Any:
        return {token: len(found) for token, found in self._messages.items()}

    def ask_requests(self, wish: dict[str, Any]) -> Any:
        return [one for one in self._requests if wish["token"] in {None, one["token"]}]

    def ask_token_requests(self, _: dict[str, Any]) -> Any:
        return self._token_requests

    def ask_refusals(self, _: dict[str, Any]) -> Any:
        return self._refusals

    def ask_clear_refusals(self, _: dict[str, Any]) -> None:
        self._refusals.clear()

    def ask_validated(self, wish: dict[str, Any]) -> Any:
        return self._validated[wish["token"]]

    def ask_limit_token_lifetime(self, wish: dict[str, Any]) -> None:
        self._token_lifetime_s = wish["seconds"]

    def ask_limit_device_rate(self, wish: dict[str, Any]) -> None:
        self._max_a_minute = wish["aMinute"]

    def ask_revoke(self, _: dict[str, Any]) -> None:
        self._revoked.update(dict.fromkeys(self._issued, 0))

    def ask_set_clock_ahead(self, wish: dict[str, Any]) -> None:
        self._clock_ahead_s = wish["seconds"]

    def ask_order(self, wish: dict[str, Any]) -> None:
        self._orders[wish["token"]].extend(wish["answers"])

    def ask_order_all(self, wish: dict[str, Any]) -> None:
        self._for_all[wish["kind"]] = wish["answer"]

    def ask_hold(self, _: dict[str, Any]) -> None:
        self._gate.clear()

    def ask_release(self, _: dict[str, Any]) -> None:
        self._gate.set()

    def ask_reset(self, _: dict[str, Any]) -> None:
        self._gate.set()
        self._token_lifetime_s = TOKEN_LIFETIME_S
        self._max_a_minute = MAX_A_MINUTE
        self._revoked.clear()
        for messages in (self._messages, self._validated):
            messages.clear()
        for noted in (self._requests, self._token_requests, self._refusals):
            noted.clear()
        self._orders.clear()
        self._for_all.clear()
        self._clock_ahead_s = 0


def _endpoint(handler: Callable[[dict[str, Any]], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return JSONResponse(handler(await request.json()))

    return endpoint
