"""The push endpoint: POST to what a vendor calls an endpoint (RFC 8030, section 5).

Plain ASGI instead of a framework, for thousands of messages a second.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from tests.fakes.push_service.answers import Answer
from tests.fakes.push_service.encryption import MAX_BODY_BYTES, EncryptedBody
from tests.fakes.push_service.headers import check_headers, check_unique
from tests.fakes.push_service.ledger import Ledger, Request
from tests.fakes.push_service.refusals import RefusedError, Rule
from tests.fakes.push_service.subscriptions import Subscription
from tests.fakes.push_service.vapid import check_vapid
from tests.fakes.push_service.vendors import endpoint_in, mozilla


@dataclass(frozen=True, slots=True, kw_only=True)
class _Push:
    """One message on its way through the checks."""

    request: Request
    method: str
    header_names: tuple[str, ...]
    body: bytes
    subscription: Subscription


def push_endpoint(ledger: Ledger) -> ASGIApp:
    """Build the ASGI application that takes push messages."""

    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        request = _record(scope, ledger)
        body = await _body(receive)
        if body is None:
            return
        request.body_bytes = len(body)
        answer = await _answer(scope, request, body, ledger)
        request.status = answer.status
        await _respond(send, answer)

    return endpoint


async def _answer(scope: Scope, request: Request, body: bytes, ledger: Ledger) -> Answer:
    found = endpoint_in(_target(scope))
    if found is None:
        return mozilla.malformed()
    vendor, request.token = found
    subscription = ledger.active(request.token)
    if scope["method"] == "GET" and vendor.EXPLANATION is not None:
        return vendor.EXPLANATION
    if subscription is None or subscription.vendor is not vendor:
        return vendor.gone()
    push = _Push(
        request=request,
        method=scope["method"],
        header_names=tuple(name.decode() for name, _ in scope["headers"]),
        body=body,
        subscription=subscription,
    )
    try:
        text = _check(push, ledger)
    except RefusedError as error:
        ledger.refuse(request, error)
        return vendor.refused(error)
    return await _settle(push, text, ledger)


def _check(push: _Push, ledger: Ledger) -> str | None:
    """Go through all rules and decrypt. Raises: RefusedError for the first broken one."""
    if push.method != "POST":
        raise RefusedError(Rule.METHOD, push.method)
    headers, vapid_key = push.request.headers, push.subscription.vapid_key
    authorization, vendor = headers.get("authorization"), push.subscription.vendor
    check_unique(push.header_names)
    check_headers(headers, push.body)
    vendor.check(headers)
    check_vapid(authorization, vapid_key, ledger.origin, time.time())
    ledger.renewals.check(vendor, vapid_key, authorization or "", time.time())
    if not push.body:
        return None
    encrypted = EncryptedBody.parse(push.body)
    if encrypted.sender_key == vapid_key:
        raise RefusedError(Rule.SENDER_KEY_IS_VAPID_KEY, "RFC 8292, section 3.2")
    ledger.seen.add(encrypted)
    return push.subscription.user_agent.read(push.body)


async def _settle(push: _Push, text: str | None, ledger: Ledger) -> Answer:
    script = ledger.next_script(push.subscription)
    await ledger.gate.passage()
    if push.subscription.expired:
        return push.subscription.vendor.gone()
    if script is None:
        return await _deliver(push, text, ledger)
    if script.delivers:
        await _deliver(push, text, ledger)
    await asyncio.sleep(script.delay_s)
    return script.answer


async def _deliver(push: _Push, text: str | None, ledger: Ledger) -> Answer:
    message = ledger.take(push.subscription, push.request, text)
    await push.subscription.user_agent.receive(push.subscription, message, push.body)
    location = f"{ledger.origin}/m/{message.version}"
    return push.subscription.vendor.accepted(location, push.request.headers["ttl"])


def _target(scope: Scope) -> str:
    query = scope["query_string"].decode()
    return f"{scope['path']}?{query}" if query else str(scope["path"])


def _record(scope: Scope, ledger: Ledger) -> Request:
    path: str = scope["path"]
    request = Request(
        token=path.rpartition("/")[2],
        order=len(ledger.requests) + 1,
        http_version=scope["http_version"],
        headers=_headers(scope),
        body_bytes=0,
        arrived_at=time.time(),
    )
    ledger.requests.append(request)
    return request


def _headers(scope: Scope) -> Mapping[str, str]:
    return {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}


async def _body(receive: Receive) -> bytes | None:
    """Read it all, but keep no more than shows that it is too large. None: the client left."""
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        if len(body) <= MAX_BODY_BYTES:
            body += event["body"]
        if not event["more_body"]:
            return bytes(body)


async def _respond(send: Send, answer: Answer) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
