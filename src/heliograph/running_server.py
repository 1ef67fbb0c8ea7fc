"""The way to the server that runs on this machine, for commands."""

import ssl
import urllib.request
from collections.abc import Mapping
from http.client import HTTPResponse
from pathlib import Path
from typing import cast

from heliograph.store.directory import RunningServer

_TIMEOUT_S = 30


def ask(
    server: RunningServer,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> HTTPResponse:
    """GET the path, or POST the body to it; the answer is a context.

    Raises urllib.error.HTTPError for any answer but success, OSError if there is none.
    """
    request = urllib.request.Request(server.url + path, data=body, headers=dict(headers or {}))  # noqa: S310  # the running server's own address
    return cast("HTTPResponse", _opener(server).open(request, timeout=_TIMEOUT_S))


def _opener(server: RunningServer) -> urllib.request.OpenerDirector:
    """Through no proxy, whatever the environment has."""
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if server.url.startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=_trusting(server.certificate)))
    return urllib.request.build_opener(*handlers)


def _trusting(certificate: Path) -> ssl.SSLContext:
    """Trusts this one certificate and no other: its name is a public one, not that of the host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(certificate)
    # It is trusted by itself, without the authority that signed it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
