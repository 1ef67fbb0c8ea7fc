"""An app's server that webhooks call: a real socket, in threads of the test's process.

    with Receiver(secret="s3cret") as receiver:
        receiver.answer_next(500)
        ...
        [call] = receiver.calls()

It checks each call as Beams' documentation tells its users to, and answers 401 to those that are
not what they should be, which `Receiver.refusals` tells.
"""

import hashlib
import hmac
import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, Self

from tests.waiting import eventually

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A call. headers: names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str:
        return self.headers["webhook-request-id-uuid"]

    @property
    def event(self) -> str:
        return self.headers["webhook-event-type"]

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def payload(self) -> Any:
        return self.json()["payload"]


Talk = Callable[[BaseHTTPRequestHandler], None]
"""Answers a request in its own way."""


@dataclass
class Receiver:
    """A context. secret: what calls must be signed with; None if they are not signed.

    connections: how many were opened, whatever came of them.
    """

    secret: str | None
    port: int = 0
    connections: int = 0
    _received: list[Received] = field(default_factory=list)
    _refused: list[Received] = field(default_factory=list)
    _orders: deque[int | Talk] = field(default_factory=deque)
    _released: threading.Event = field(default_factory=threading.Event)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/beams"

    def answer_next(self, *answers: int | Talk) -> None:
        """Order the answers to the next calls, in turn; then it is 200 again."""
        self._orders.extend(answers)

    def hang(self, _request: BaseHTTPRequestHandler) -> None:
        """An answer that does not come before the receiver ends."""
        self._released.wait()

    def received(self) -> list[Received]:
        """All calls, taken or not."""
        return list(self._received)

    def calls(self, number: int = 1, *, within_s: float = 15) -> list[Received]:
        """All calls, once there are so many."""
        eventually(lambda: len(self._received) >= number, within_s=within_s)
        return self.received()

    def refusals(self) -> list[Received]:
        """Those that were not signed as they should be."""
        return list(self._refused)

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver._answer(self)

            def setup(self) -> None:
                receiver.connections += 1
                super().setup()

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(path=request.path, headers=headers, body=body)
        if self.secret is not None and not is_signed(received, self.secret):
            self._refused.append(received)
            answer(request, 401)
            return
        ordered = self._orders.popleft() if self._orders else 200
        self._received.append(received)
        if isinstance(ordered, int):
            answer(request, ordered)
        else:
            ordered(request)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_arguments: object) -> None:
        """Who hangs up is no fault of the test's."""


def is_signed(received: Received, secret: str) -> bool:
    """As https://pusher.com/docs/beams/concepts/webhooks/ says under Verification."""
    expected = hmac.new(secret.encode(), received.body, hashlib.sha1).hexdigest()
    return hmac.compare_digest(expected, received.headers.get("webhook-signature", ""))


def answer(
    request: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str] = NO_HEADERS
) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.send_header("Content-Length", "0")
    request.end_headers()
