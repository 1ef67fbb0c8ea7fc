"""An app's own web site, as small as it can be: a page with the official web SDK, unmodified.

Its server knows who is logged in, and gives Beams tokens to the SDK for that user.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, urlsplit

SDK = (
    Path(__file__).parents[1] / "javascript" / "node_modules" / "@pusher" / "push-notifications-web"
)
PAGE = "<!doctype html><meta charset=utf-8><title>app</title><script src=/sdk.js></script>"
# Points the reports to the server under test, and tells pages what the worker wants to tell them.
WORKER_START = """
self.PusherPushNotifications.endpointOverride = %s;
self.addEventListener("install", () => self.skipWaiting());
async function tell(message) {
  for (const page of await self.clients.matchAll({type: "window", includeUncontrolled: true}))
    page.postMessage(message);
}
"""
# Lets the SDK show what arrived as usual, and then tells the page of it.
SHOW_AND_TELL = """
self.PusherPushNotifications.onNotificationReceived = ({payload, pushEvent, handleNotification}) =>
  pushEvent.waitUntil(handleNotification(payload).then(() => tell(payload)));
"""
# A worker that the app has for reasons of its own.
OWN_WORKER = """
importScripts("/service-worker.js");
self.addEventListener("message", event => event.source.postMessage({answer: event.data}));
"""

TokenOf = Callable[[str], str]
"""Makes the Beams token for a user id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the site says to a request."""

    content: str
    kind: str = "application/json"
    status: int = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """What a token provider asked. headers: names in lower case."""

    query: Mapping[str, str]
    headers: Mapping[str, str]


class Site:
    """The site, served on localhost from a thread. A context.

    heliograph_url: where the SDK is pointed. token_of: may be replaced to give bad tokens.
    token_answer: takes the place of a token. worker_end: the app's part of the service worker,
    which is not there at all if that is None. token_requests: what came, oldest first.
    """

    def __init__(self, heliograph_url: str, token_of: TokenOf) -> None:
        self.heliograph_url = heliograph_url
        self.token_of = token_of
        self.token_answer: Answer | None = None
        self.worker_end: str | None = SHOW_AND_TELL
        self.token_requests: list[TokenRequest] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self.port = self._server.server_port
        self.url = f"http://localhost:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        """Answer a GET. headers: names in lower case. Raises KeyError if there is no such page."""
        url = urlsplit(path)
        match url.path:
            case "/" | "/app/":
                return Answer(content=PAGE, kind="text/html")
            case "/sdk.js":
                return Answer(content=_page_script(), kind="text/javascript")
            case "/service-worker.js" if self.worker_end is not None:
                return Answer(content=self._worker_script(self.worker_end), kind="text/javascript")
            case "/app/own-worker.js":
                return Answer(content=OWN_WORKER, kind="text/javascript")
            case "/beams-auth":
                request = TokenRequest(query=dict(parse_qsl(url.query)), headers=headers)
                self.token_requests.append(request)
                return self.token_answer or self._token(request)
            case _:
                raise KeyError(path)

    def _token(self, request: TokenRequest) -> Answer:
        return Answer(content=json.dumps({"token": self.token_of(request.query["user_id"])}))

    def _worker_script(self, end: str) -> str:
        """The package's worker without its build: its sources in one script."""
        sources = [
            (SDK / "src" / f"{name}.js").read_text()
            for name in ("do-request", "device-state-store", "service-worker")
        ]
        lines = [
            line.removeprefix("export default ")
            for source in sources
            for line in source.splitlines()
            if not line.startswith("import ")
        ]
        return "\n".join(lines) + WORKER_START % json.dumps(self.heliograph_url) + end


def _page_script() -> str:
    return (SDK / "dist" / "push-notifications-cdn.js").read_text()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, site: Site, *arguments: object) -> None:
        self._site = site
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            self._send(self._site.answer(self.path, headers))
        except KeyError:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_OPTIONS(self) -> None:
        """Let pages of other origins send what they like."""
        self._send(Answer(content="", headers={"Access-Control-Allow-Headers": "X-App"}))

    def _send(self, answer: Answer) -> None:
        body = answer.content.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", f"{answer.kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if origin := self.headers["Origin"]:
            self.send_header("Access-Control-Allow-Origin", origin)
            self.send_header("Access-Control-Allow-Credentials", "true")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""
