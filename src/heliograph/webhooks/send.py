"""Sending one call to a webhook's receiver, once: what it said is a value.

Its address comes from an app's server or an operator, and must not lead into our own network:
gateways/guard.py looks at it when it is connected to. Redirects are not followed.
"""

import asyncio
from datetime import datetime

import msgspec

from heliograph.gateways.http2 import Http, NoResponse, NotAllowed, Request, Response
from heliograph.model.limits import WEBHOOK_TIME
from heliograph.model.webhook import Call, without_password
from heliograph.webhooks.sign import signatures

_SUCCESS = range(200, 300)
_REDIRECT = range(300, 400)


class Taken(msgspec.Struct, frozen=True):
    """The receiver has taken the call."""

    status: int


class NotTaken(msgspec.Struct, frozen=True):
    """It has not, or not in time."""

    reason: str
    status: int | None = None
    """With which it said so; None if it said nothing."""


async def send(http: Http, call: Call, *, now: datetime) -> Taken | NotTaken:
    """Make the call, and wait for its answer for three seconds at most."""
    request = request_of(call, now=now)
    try:
        async with asyncio.timeout(WEBHOOK_TIME.total_seconds()):
            return outcome_of(await http.exchange(request))
    except TimeoutError:
        return NotTaken(f"no answer within {WEBHOOK_TIME.total_seconds():g} seconds")


def request_of(call: Call, *, now: datetime) -> Request:
    """The call as a request: the headers are those of Beams, and a second signature."""
    url, authorization = without_password(call.url)
    headers = {
        "User-Agent": "pusher-webhooks",
        "Content-Type": "application/json",
        "Webhook-Request-ID-UUID": call.id,
    }
    if authorization is not None:
        headers["Authorization"] = authorization
    if call.webhook_id is not None:
        headers |= {"Webhook-Event-Type": call.event, "Webhook-ID-UUID": call.webhook_id}
    if call.secret is not None:
        headers |= signatures(call.secret, call.id, call.body, now=now)
    return Request(url=url, headers=headers, body=call.body)


def outcome_of(answer: Response | NoResponse | NotAllowed) -> Taken | NotTaken:
    match answer:
        case NotAllowed():
            reason = "its address is in a network that must not be reached, or plain http is not"
            return NotTaken(f"{reason} taken there (--allow-private-endpoints)")
        case NoResponse(reason=reason):
            return NotTaken(f"no answer: {reason}")
        case Response(status=status) if status in _SUCCESS:
            return Taken(status)
        case Response(status=status) if status in _REDIRECT:
            return NotTaken(f"answered {status}; redirects are not followed", status)
        case Response(status=status):
            return NotTaken(f"answered {status}", status)
