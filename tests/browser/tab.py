"""A tab of Firefox: what its user and the page in it see."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from tests.browser.bidi import BrowserError, Session

COMMAND_TIMEOUT_S = 60

SHOWN = """
navigator.serviceWorker.getRegistrations()
  .then(workers => Promise.all(workers.map(worker => worker.getNotifications())))
  .then(lists => lists.flat().map(({title, body, data}) => ({title, body, data})))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A notification that is on show. Firefox takes them down by itself after 12 to 22 s."""

    title: str
    body: str
    data: Any


class Permission(IntEnum):
    """What a page may do without asking, in the numbers of Firefox's preferences."""

    ASK = 0
    GRANTED = 1
    DENIED = 2


# In the words of the Permissions specification.
STATES = {Permission.GRANTED: "granted", Permission.DENIED: "denied"}


class Tab:
    """A tab. container: whose cookies, storage, workers and permissions its pages have."""

    def __init__(self, session: Session, tab: str, container: str) -> None:
        self._session = session
        self._tab = tab
        self._container = container

    async def goto(self, url: str) -> None:
        """Load a page and wait until it is complete."""
        await self._command("browsingContext.navigate", {"url": url, "wait": "complete"})

    async def reload(self) -> None:
        await self._command("browsingContext.reload", {"wait": "complete"})

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, once its promise is kept, through JSON.

        Raises: BrowserError with the text of what it threw.
        """
        script = {
            "expression": f"(async () => JSON.stringify(await ({expression})))()",
            "target": {"context": self._tab},
            "awaitPromise": True,
        }
        result = await self._session.command("script.evaluate", script, COMMAND_TIMEOUT_S)
        if result["type"] == "exception":
            raise BrowserError(result["exceptionDetails"]["text"])
        value = result["result"].get("value")
        return None if value is None else json.loads(value)

    async def notifications(self) -> list[Notification]:
        """Return what the workers of the page's origin have on show."""
        return [Notification(**shown) for shown in await self.evaluate(SHOWN)]

    async def set_permission(self, permission: Permission) -> None:
        """Let the page's origin show notifications, or not any more."""
        setting = {
            "descriptor": {"name": "notifications"},
            "state": STATES[permission],
            "origin": await self.evaluate("location.origin"),
            "userContext": self._container,
        }
        await self._session.command("permissions.setPermission", setting, COMMAND_TIMEOUT_S)

    async def _command(self, method: str, parameters: Mapping[str, Any]) -> None:
        await self._session.command(method, {"context": self._tab, **parameters}, COMMAND_TIMEOUT_S)
