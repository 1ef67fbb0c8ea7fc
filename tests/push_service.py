"""The strict fake Web Push service as a process of its own, and what tests ask of it.

    with PushService.start(directory) as push_service:
        subscription = push_service.subscribe(vapid_public_key)
        ...
        assert [message.text for message in push_service.messages(subscription)] == ["hello"]

Every method waits for the service's answer, a few milliseconds.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

START_TIMEOUT_S = 20
ANSWER_TIMEOUT_S = 30
STOP_TIMEOUT_S = 5
_TOKEN = re.compile(r"([A-Za-z0-9_-]{32})")
REPOSITORY = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A push subscription. p256dh, auth: base64url without padding."""

    endpoint: str
    p256dh: str
    auth: str

    @classmethod
    def parse(cls, fields: Mapping[str, Any]) -> Self:
        """Read what PushSubscription.toJSON() returns in a browser."""
        keys = fields["keys"]
        return cls(endpoint=fields["endpoint"], p256dh=keys["p256dh"], auth=keys["auth"])

    @property
    def token(self) -> str:
        return _TOKEN.split(self.endpoint)[-2]

    def as_json(self) -> dict[str, Any]:
        """Return what PushSubscription.toJSON() returns in a browser."""
        keys = {"p256dh": self.p256dh, "auth": self.auth}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A push message that was accepted. order: 1 for the service's first since its reset."""

    order: int
    version: str
    text: str | None  # None: without payload, or for a browser, which alone can decrypt it
    headers: Mapping[str, str]  # names in lower case
    arrived_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to an endpoint, whatever came of it."""

    token: str
    order: int
    http_version: str
    headers: Mapping[str, str]  # names in lower case
    body_bytes: int
    arrived_at: datetime
    status: int | None  # None: not yet answered, or the client left
    rule: str | None  # the broken rule, if that is why it was refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A message that broke a rule. rule: a value of tests.fakes.push_service.refusals.Rule."""

    rule: str
    detail: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What Firefox said of a message.

    kind "ack": code 100 taken, 101 not decrypted. kind "nack": 301 to 303, the worker failed.
    """

    kind: str
    code: int
    version: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A TLS connection to the service. http_version: "2" or "1.1"."""

    http_version: str
    requests: int
    in_flight: int
    peak_in_flight: int
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer ordered in advance, for a message that is otherwise right.

    delivers: whether the message is received all the same; None means only with a 2xx.
    delay_s: seconds between the delivery and the answer.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    delay_s: float = 0
    delivers: bool | None = None

    def as_json(self) -> dict[str, Any]:
        delivers = self.status // 100 == 2 if self.delivers is None else self.delivers
        return {**asdict(self), "delivers": delivers}


class PushService:
    """A running fake push service."""

    def __init__(self, process: subprocess.Popen[bytes], directory: Path) -> None:
        self._process = process
        ports = _ports(process, directory)
        self.ca_file = directory / "ca.pem"
        self.origin = f"https://localhost:{ports['https']}"
        self.autopush_url = f"ws://127.0.0.1:{ports['http']}/autopush"
        self._control_port = ports["http"]

    @classmethod
    def start(cls, directory: Path) -> Self:
        """Start a service and wait until it listens. directory: an empty one, for its files."""
        command = [sys.executable, "-m", "tests.fakes.push_service", "--directory", str(directory)]
        with (directory / "push_service.log").open("wb") as log:
            # The service ends when this pipe closes, and so with this process, however it dies.
            process = subprocess.Popen(
                command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        try:
            return cls(process, directory)
        except BaseException:
            _end(process)
            raise

    def stop(self) -> None:
        _end(self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def subscribe(self, vapid_public_key: str, vendor: str = "mozilla") -> Subscription:
        """Make a subscription whose messages the service itself decrypts.

        vendor: whose service it is to be like: mozilla, fcm, apple, wns or unifiedpush.
        """
        return self.subscribe_many(vapid_public_key, 1, vendor)[0]

    def subscribe_many(
        self, vapid_public_key: str, count: int, vendor: str = "mozilla"
    ) -> list[Subscription]:
        wish = {"vapidPublicKey": vapid_public_key, "count": count, "vendor": vendor}
        return [Subscription.parse(made) for made in self._post("subscriptions", wish)]

    def expire(self, subscription: Subscription) -> None:
        """Let the subscription answer 410 from now on."""
        self._post(f"subscriptions/{subscription.token}/expire")

    def messages(self, subscription: Subscription) -> list[Message]:
        """Return the accepted messages of a subscription, also an expired one, oldest first."""
        found = self._get(f"subscriptions/{subscription.token}/messages")
        return [Message(**_dated(message)) for message in found]

    def message_counts(self) -> dict[str, int]:
        """Return the number of accepted messages of every subscription, by token."""
        return dict(self._get("counts"))

    def requests(self, subscription: Subscription | None = None) -> list[Request]:
        """Return all requests to an endpoint, or to any, with or without success."""
        query = "" if subscription is None else f"?token={subscription.token}"
        return [Request(**_dated(request)) for request in self._get(f"requests{query}")]

    def acknowledgements(self, subscription: Subscription) -> list[Acknowledgement]:
        """Return what Firefox said of the messages to one of its own subscriptions."""
        found = self._get(f"acknowledgements?token={subscription.token}")
        return [Acknowledgement(**acknowledgement) for acknowledgement in found]

    def refusals(self) -> list[Refusal]:
        return [Refusal(**refusal) for refusal in self._get("refusals")]

    def clear_refusals(self) -> None:
        self._post("refusals/clear")

    def answer_next(self, subscription: Subscription, *answers: Answer) -> None:
        """Order the answers to the next messages to one subscription, in turn."""
        self._order(subscription.token, answers)

    def answer_next_of_all(self, *answers: Answer) -> None:
        """Order the answers to the next messages to any subscription without orders of its own."""
        self._order(None, answers)

    def hold(self) -> None:
        """Leave messages unanswered, once checked, until release. They aren't received before."""
        self._post("hold")

    def release(self) -> None:
        """Receive and answer what was held, even if its sender has left by now."""
        self._post("release")

    def held(self) -> int:
        return int(self._get("held"))

    def connections(self) -> list[Connection]:
        """Return the TLS connections opened or used since the reset, also those that ended."""
        return [Connection(**connection) for connection in self._get("connections")]

    def cut_connections(self) -> None:
        """End all TLS connections without a goodbye."""
        self._post("connections/cut")

    def reset(self) -> None:
        """Forget subscriptions, messages, refusals, orders and counts; release what is held."""
        self._post("reset")

    def _order(self, token: str | None, answers: tuple[Answer, ...]) -> None:
        orders = [answer.as_json() for answer in answers]
        self._post("scripts", {"token": token, "answers": orders})

    def _get(self, path: str) -> Any:
        return self._exchange("GET", path, None)

    def _post(self, path: str, body: object = None) -> Any:
        return self._exchange("POST", path, json.dumps(body))

    def _exchange(self, method: str, path: str, body: str | None) -> Any:
        connection = HTTPConnection("127.0.0.1", self._control_port, timeout=ANSWER_TIMEOUT_S)
        try:
            connection.request(method, f"/control/{path}", body)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise RuntimeError(f"push service: {method} {path} -> {response.status}")
        return json.loads(answer) if answer else None


def _ports(process: subprocess.Popen[bytes], directory: Path) -> dict[str, int]:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            return dict(json.loads((directory / "ports.json").read_text()))
        except FileNotFoundError:
            if process.poll() is not None:
                break
        time.sleep(0.02)
    log = (directory / "push_service.log").read_text()
    raise RuntimeError(f"the push service did not start:\n{log}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _dated(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {**fields, "arrived_at": datetime.fromtimestamp(fields["arrived_at"], UTC)}
