"""A real, headless Firefox ESR, driven over WebDriver BiDi (W3C), with a push service of our own.

    async with Firefox(autopush_url) as browser:
        await browser.goto("http://localhost:8080/")
        assert await browser.evaluate("Notification.permission") == "granted"

Pages must come from http://localhost:PORT: that is a secure context without TLS.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Self

from aiohttp import ClientError

from tests.browser.bidi import BrowserError, Session

START_TIMEOUT_S = 60
COMMAND_TIMEOUT_S = 60
QUIT_TIMEOUT_S = 10

#: Without these, push doesn't work in a headless, driven Firefox.
PUSH_PREFERENCES: Mapping[str, bool | int | str] = {
    "dom.push.testing.allowInsecureServerURL": True,  # a push service at ws://
    "dom.push.connection.enabled": True,
    "remote.prefs.recommended": False,  # or the remote agent switches push off
    "alerts.useSystemBackend": False,  # there is no desktop to show notifications
    "dom.push.maxQuotaPerSubscription": 1_000_000,  # for messages that show no notification
}

#: No first-run pages, no update checks, nothing that looks for the Internet.
QUIET_PREFERENCES: Mapping[str, bool | int | str] = {
    "app.normandy.enabled": False,
    "app.shield.optoutstudies.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.newtabpage.activity-stream.feeds.system.topstories": False,
    "browser.newtabpage.enabled": False,
    "browser.region.network.url": "",
    "browser.region.update.enabled": False,
    "browser.safebrowsing.blockedURIs.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.update": False,
    "browser.sessionstore.resume_from_crash": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage": "about:blank",
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "browser.tabs.warnOnClose": False,
    "browser.topsites.contile.enabled": False,
    "browser.warnOnQuit": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "datareporting.usage.uploadEnabled": False,
    "dom.security.https_first": False,
    "dom.security.https_only_mode": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "media.gmp-manager.url": "",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.http.speculative-parallel-limit": 0,
    "network.manage-offline-status": False,
    "network.prefetch-next": False,
    "network.proxy.type": 0,
    "network.trr.mode": 5,
    "security.remote_settings.crlite_filters.enabled": False,
    "security.remote_settings.intermediates.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "signon.rememberSignons": False,
    "startup.homepage_welcome_url": "about:blank",
    "startup.homepage_welcome_url.additional": "",
    "toolkit.cosmeticAnimations.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "toolkit.telemetry.server": "",
}

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


class Firefox:
    """A Firefox with a fresh profile, which lasts until the end of the context."""

    def __init__(self, autopush_url: str, *, permission: Permission = Permission.GRANTED) -> None:
        self._autopush_url = autopush_url
        self._permission = permission
        self.profile = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._session: Session | None = None
        self._tab = ""

    async def __aenter__(self) -> Self:
        self.profile = _fresh_profile(self._autopush_url, self._permission)
        try:
            await self.start()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._leave()

    async def start(self) -> None:
        """Start Firefox on its profile, again after a quit."""
        self._process = _launch(self.profile)
        port = await _port(self._process, self.profile)
        self._session = await Session.open(port)
        tree = await self._command("browsingContext.getTree")
        self._tab = tree["contexts"][0]["context"]

    async def quit(self) -> None:
        """Close Firefox and keep its profile: subscriptions and workers are there at the start."""
        session, self._session = self._session, None
        process, self._process = self._process, None
        try:
            if session is not None:
                with suppress(BrowserError, TimeoutError, ClientError):
                    await session.command("browser.close", {}, QUIT_TIMEOUT_S)
                await session.close()
            if process is not None:
                await asyncio.to_thread(_wait, process)
        finally:
            if process is not None:
                _kill(process)

    async def restart(self) -> None:
        await self.quit()
        await self.start()

    @property
    def process_id(self) -> int | None:
        """Return the id of the process, which is also the id of its process group."""
        return None if self._process is None else self._process.pid

    async def goto(self, url: str) -> None:
        """Load a page and wait until it is complete."""
        wish = {"context": self._tab, "url": url, "wait": "complete"}
        await self._command("browsingContext.navigate", wish)

    async def reload(self) -> None:
        await self._command("browsingContext.reload", {"context": self._tab, "wait": "complete"})

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, once its promise is kept, through JSON.

        Raises: BrowserError with the text of what it threw.
        """
        script = {
            "expression": f"(async () => JSON.stringify(await ({expression})))()",
            "target": {"context": self._tab},
            "awaitPromise": True,
        }
        result = await self._command("script.evaluate", script)
        if result["type"] == "exception":
            raise BrowserError(result["exceptionDetails"]["text"])
        value = result["result"].get("value")
        return None if value is None else json.loads(value)

    async def notifications(self) -> list[Notification]:
        """Return what the workers of the page's origin have on show."""
        return [Notification(**shown) for shown in await self.evaluate(SHOWN)]

    async def _command(self, method: str, parameters: Mapping[str, Any] | None = None) -> Any:
        if self._session is None:
            raise BrowserError("Firefox is not running")
        return await self._session.command(method, parameters or {}, COMMAND_TIMEOUT_S)

    async def _leave(self) -> None:
        try:
            await self.quit()
        finally:
            await asyncio.to_thread(shutil.rmtree, self.profile, ignore_errors=True)


def _fresh_profile(autopush_url: str, permission: Permission) -> Path:
    profile = Path(tempfile.mkdtemp(prefix="firefox-"))
    preferences = {
        **QUIET_PREFERENCES,
        **PUSH_PREFERENCES,
        "dom.push.serverURL": autopush_url,
        "permissions.default.desktop-notification": permission,
    }
    lines = [
        f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
        for name, value in preferences.items()
    ]
    (profile / "user.js").write_text("".join(lines))
    return profile


def _launch(profile: Path) -> subprocess.Popen[bytes]:
    binary = shutil.which("firefox-esr") or shutil.which("firefox")
    if binary is None:
        raise BrowserError("neither firefox-esr nor firefox is on the PATH")
    # The port in it would be the one of the run before.
    (profile / "WebDriverBiDiServer.json").unlink(missing_ok=True)
    # Where it can, Firefox dies with this process, however that dies.
    tied = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    command = [*tied, binary, "--headless", "--no-remote", "--new-instance"]
    command += ["--profile", str(profile), "--remote-debugging-port", "0"]
    environment = {**os.environ, "HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1"}
    with (profile / "firefox.log").open("ab") as log:
        return subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, start_new_session=True
        )


async def _port(process: subprocess.Popen[bytes], profile: Path) -> int:
    file = profile / "WebDriverBiDiServer.json"
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(FileNotFoundError, ValueError):
            return int(json.loads(file.read_text())["ws_port"])
        await asyncio.sleep(0.05)
    raise BrowserError(f"Firefox did not start:\n{(profile / 'firefox.log').read_text()[-3000:]}")


def _wait(process: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(QUIT_TIMEOUT_S)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End what is left of Firefox, content processes too."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
