"""An app's own web site, as small as it can be: a page with the official web SDK, unmodified.

Its server knows who is logged in, and gives Beams tokens to the SDK for that user.
"""

import json
import threading
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

SDK = (
    Path(__file__).parents[1] / "javascript" / "node_modules" / "@pusher" / "push-notifications-web"
)
PAGE = "<!doctype html><meta charset=utf-8><title>app</title><script src=/sdk.js></script>"
# Tells the page what arrived, and then lets the SDK show it as usual.
WORKER_END = """
self.PusherPushNotifications.endpointOverride = %s;
self.PusherPushNotifications.onNotificationReceived = ({payload, pushEvent, handleNotification}) =>
  pushEvent.waitUntil(Promise.all([handleNotification(payload), tell(payload)]));
self.addEventListener("install", () => self.skipWaiting());
async function tell(payload) {
  for (const page of await self.clients.matchAll({type: "window", includeUncontrolled: true}))
    page.postMessage(payload);
}
"""

TokenOf = Callable[[str], str]
"""Makes the Beams token for a user id."""


class Site:
    """The site, served on localhost from a thread. A context.

    heliograph_url: where the SDK is pointed. token_of: may be replaced to give bad tokens.
    """

    def __init__(self, heliograph_url: str, token_of: TokenOf) -> None:
        self.heliograph_url = heliograph_url
        self.token_of = token_of
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self.url = f"http://localhost:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[str, str]:
        """Content type and content of a path. Raises KeyError."""
        url = urlsplit(path)
        if url.path == "/beams-auth":
            user = parse_qs(url.query)["user_id"][0]
            return "application/json", json.dumps({"token": self.token_of(user)})
        if url.path == "/":
            return "text/html", PAGE
        script = {"/sdk.js": _page_script, "/service-worker.js": self._worker_script}[url.path]
        return "text/javascript", script()

    def _worker_script(self) -> str:
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
        return "\n".join(lines) + WORKER_END % json.dumps(self.heliograph_url)


def _page_script() -> str:
    return (SDK / "dist" / "push-notifications-cdn.js").read_text()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, site: Site, *arguments: object) -> None:
        self._site = site
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        try:
            kind, content = self._site.answer(self.path)
        except KeyError:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = content.encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""
