"""Waiting for what must come: never longer than it takes, never for ever."""

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

from tests.server import Server

POLL_S = 0.02

Value = TypeVar("Value")


def eventually(ask: Callable[[], Value], *, within_s: float = 15) -> Value:
    """Ask until the answer is true, and return it. Raises TimeoutError with the last answer."""
    deadline = time.monotonic() + within_s
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"still {answer!r} after {within_s} s")
        time.sleep(POLL_S)


def finished(
    server: Server, publish_id: str, *, within_s: float = 30, platform: str = "web"
) -> dict[str, Any]:
    """Wait until the publish is finished, and return its report of the platform."""

    def report() -> dict[str, Any] | None:
        # Right after the answer the publish may not be in the store yet.
        shown = server.cli("publish", "show", publish_id, "--json")
        parsed: dict[str, Any] = json.loads(shown.stdout) if shown.returncode == 0 else {}
        return parsed if parsed.get("finishedAt") else None

    platforms: dict[str, Any] = (eventually(report, within_s=within_s) or {})["platforms"]
    return dict(platforms.get(platform, {}))
