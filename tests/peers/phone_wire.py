"""How the SDKs of phones send: each request is written down, and what would be waited between two.

Nothing here waits. What the real SDK would do for ever, or die of, fails the test.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.client import NO_HEADERS, Client, Reply

MAX_ATTEMPTS = 8
FIRST_DELAY_S = 0.2
MAX_DELAY_S = 64
_DEVICE_ID = re.compile(r"(?<=/)(fcm|apns)-[^/]+")


class WouldLoop(AssertionError):
    """The SDK would ask again and again, for ever."""


class WouldCrash(AssertionError):
    """The app would end with an exception that nobody catches."""


class Offline(Exception):
    """The phone has no network: what is being done is done again when it has."""


class NoToken(Exception):
    """The app's server gives no Beams token for this user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request as it was sent, and the status of its answer."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    status: int

    def __str__(self) -> str:
        """What the path says after the instance, ID for the device, the status unless it is 200."""
        where = _DEVICE_ID.sub("ID", self.path.partition("/instances/")[2].partition("/")[2])
        return f"{self.method} {where}" + (f" {self.status}" if self.status != 200 else "")


class Wire:
    """One phone's way to the server.

    online: whether there is a network. meanwhile: called where the SDK waits before it tries again.
    """

    def __init__(self, client: Client, headers: Mapping[str, str]) -> None:
        self.online = True
        self.exchanges: list[Exchange] = []
        self.delays_s: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self._client = client
        self._headers = headers

    def send(
        self, method: str, path: str, *, json: Any = None, headers: Mapping[str, str] = NO_HEADERS
    ) -> Reply:
        """Send once. Raises Offline, and OSError if the server can't be reached."""
        if not self.online:
            raise Offline
        sent = {**self._headers, **headers}
        reply = self._client.request(method, path, json=json, headers=sent)
        self.exchanges.append(
            Exchange(method=method, path=path, headers=sent, body=json, status=reply.status)
        )
        return reply

    def send_until(
        self,
        is_final: Callable[[Reply], bool],
        method: str,
        path: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Reply:
        """Send until an answer is final, with growing delays. Raises Offline, WouldLoop."""
        last: object = None
        for attempt in range(MAX_ATTEMPTS):
            try:
                last = reply = self.send(method, path, json=json, headers=headers)
            except OSError as error:
                last = error
            else:
                if is_final(reply):
                    return reply
            self.delays_s.append(min(FIRST_DELAY_S * 2**attempt, MAX_DELAY_S))
            self.meanwhile()
        raise WouldLoop(f"{method} {path} is answered with {last} for ever")

    def take(self) -> list[str]:
        """What was said since this was last asked."""
        said = [str(exchange) for exchange in self.exchanges]
        self.exchanges.clear()
        return said


def is_success(reply: Reply) -> bool:
    return 200 <= reply.status < 300


def said_in_error(reply: Reply, key: str) -> str:
    """What an error's body says under a key; nothing if it can't be read: SDKs tolerate that."""
    try:
        body = reply.json()
    except ValueError:
        return ""
    return str(body.get(key, "")) if isinstance(body, dict) else ""


def registration_in(reply: Reply) -> tuple[str, Any] | None:
    """The device id and the initial interests (None if null) that an answer holds, if it does."""
    try:
        body = reply.json() if is_success(reply) else None
    except ValueError:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("id"), str):
        return None
    initial = body.get("initialInterestSet")
    is_set = initial is None or (
        isinstance(initial, list) and all(isinstance(one, str) for one in initial)
    )
    return (body["id"], initial) if is_set else None
