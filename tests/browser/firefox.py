"""A real, headless Firefox ESR, driven over WebDriver BiDi (W3C), with a push service of our own.

    async with Firefox(autopush_url) as browser:
        await browser.goto("http://localhost:8080/")
        assert await browser.evaluate("Notification.permission") == "granted"

Pages must come from http://localhost:PORT: that is a secure context without TLS.

Starting takes seconds. What can share a Firefox has a tab of a person of its own in it:

    async with browser.person() as tab:
        await tab.goto("http://localhost:8080/")
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

from aiohttp import ClientError

from tests.browser.bidi import BrowserError, Session
from tests.browser.tab import COMMAND_TIMEOUT_S, Notification, Permission, Tab

START_TIMEOUT_S = 60
QUIT_TIMEOUT_S = 10

#: Without these, push doesn't work in a headless, driven Firefox.
PUSH_PREFERENCES: Mapping[str, bool | int | str] = {
    "dom.push.testing.allowInsecureServerURL": True,  # a push service at ws://
    "dom.push.connection.enabled": True,
    "remote.prefs.recommended": False,  # or the remote agent switches push off
    "alerts.useSystemBackend": False,  # there is no desktop to show notifications
    "dom.push.maxQuotaPerSubscription": 1_000_000,  # for messages that show no notification
}

#: A name of this machine that is not localhost. Pages from there are no secure context.
INSECURE_HOST = "insecure.example"

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
    "network.dns.localDomains": INSECURE_HOST,
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

#: In the window of a notification. It closes by itself, so it may be gone at any time.
CLICK = """
document.readyState === "complete" && document.getElementById("alertTitleLabel").value === TITLE
  && (onAlertClick(), true)
"""


class Firefox:
    """A Firefox with a fresh profile, which lasts until the end of the context."""

    def __init__(self, autopush_url: str, *, permission: Permission = Permission.GRANTED) -> None:
        self._autopush_url = autopush_url
        self._permission = permission
        self.profile = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._session: Session | None = None
        self._first_tab: Tab | None = None

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
        self._first_tab = Tab(self._session, tree["contexts"][0]["context"], "default")

    async def quit(self) -> None:
        """Close Firefox and keep its profile: subscriptions and workers are there at the start."""
        session, self._session, self._first_tab = self._session, None, None
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

    @asynccontextmanager
    async def person(self) -> AsyncIterator[Tab]:
        """Open a tab that shares nothing with the others, as if it were in another browser.

        All that its pages stored is forgotten at the end of the context, tabs they opened closed.
        """
        made = await self._command("browser.createUserContext")
        container = {"userContext": made["userContext"]}
        try:
            opened = await self._command("browsingContext.create", {"type": "tab", **container})
            yield Tab(self._running, opened["context"], made["userContext"])
        finally:
            await self._command("browser.removeUserContext", container)

    async def goto(self, url: str) -> None:
        """Load a page in the first tab and wait until it is complete."""
        await self._tab.goto(url)

    async def reload(self) -> None:
        await self._tab.reload()

    async def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the first tab. Raises as `Tab.evaluate` does."""
        return await self._tab.evaluate(expression)

    async def notifications(self) -> list[Notification]:
        """Return what the workers of the first tab's origin have on show."""
        return await self._tab.notifications()

    async def urls(self) -> list[str]:
        """Return what is open in the tabs."""
        tree = await self._command("browsingContext.getTree")
        return [tab["url"] for tab in tree["contexts"]]

    async def click_notification(self, title: str) -> bool:
        """Click the notification of that title, and return whether there is one."""
        click = CLICK.replace("TITLE", json.dumps(title))
        tree = await self._command("browsingContext.getTree", {"moz:scope": "chrome"})
        for window in tree["contexts"]:
            if window["url"].endswith("/alert.xhtml"):
                with suppress(BrowserError):
                    if await Tab(self._running, window["context"], "default").evaluate(click):
                        return True
        return False

    @property
    def _running(self) -> Session:
        if self._session is None:
            raise BrowserError("Firefox is not running")
        return self._session

    @property
    def _tab(self) -> Tab:
        if self._first_tab is None:
            raise BrowserError("Firefox is not running")
        return self._first_tab

    async def _command(self, method: str, parameters: Mapping[str, Any] | None = None) -> Any:
        return await self._running.command(method, parameters or {}, COMMAND_TIMEOUT_S)

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
    # System access: to click notifications, which are windows of Firefox itself.
    command += ["--remote-debugging-port", "0", "--remote-allow-system-access"]
    command += ["--profile", str(profile)]
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
