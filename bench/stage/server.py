"""A server to be measured: `heliograph serve` as users run it, and the commands that set it up.

Only the command line and HTTP are used, so that any version of Heliograph can be measured.
"""

import json
import os
import subprocess
import time
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

from bench.stage.credentials import APNS_KEY_ID, APNS_TEAM_ID, BUNDLE_ID, Credentials
from bench.stage.programs import SOURCE
from bench.stage.stage import Stage
from tests.client import Client, Instance
from tests.processes import TIED, free_port
from tests.server import HELIOGRAPH
from tests.waiting import eventually

_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 120
_FINISH_TIMEOUT_S = 600
_LOG_TAIL_CHARACTERS = 4000
_KEPT_OPEN_S = 2
"""A server may close a connection that is idle for five seconds."""
_TASKSET = "/usr/bin/taskset"
"""Of util-linux, which every Debian has."""


class Server:
    """A server on a data directory, which runs while the context is entered, again and again.

    roles: what is done in its process, as --roles takes it, if not everything.
    """

    def __init__(self, stage: Stage, data: Path, *, roles: str = "") -> None:
        fake = stage.fake
        self.data = data
        self._log = data.with_suffix(".log")
        self._port = free_port()
        self._flags = ["--workers", str(stage.workers)] if stage.workers else []
        self._flags += ["--roles", roles] if roles else []
        self._bound = [] if stage.core is None else [_TASKSET, "-c", str(stage.core)]
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(SOURCE),
            "HELIOGRAPH_DATA": str(data),
            "HELIOGRAPH_PORT": str(self._port),
            "HELIOGRAPH_PUBLISH_RATE": "0",
            "HELIOGRAPH_DEVICE_RATE": "0",
            "HELIOGRAPH_LOG_LEVEL": "warning",
            "HELIOGRAPH_CONTACT": "mailto:bench@example.com",
            "HELIOGRAPH_GATEWAY_CA": str(fake.authority_file),
            "HELIOGRAPH_ALLOW_PRIVATE_ENDPOINTS": "127.0.0.0/8,::1/128",
            "HELIOGRAPH_APNS_URL": fake.url,
            "HELIOGRAPH_FCM_URL": fake.url,
            "HELIOGRAPH_FCM_TOKEN_URL": fake.token_url,
        }
        self.client = Client("127.0.0.1", self._port)

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self._port)

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def instance(self) -> Instance:
        """The instance that the first start made."""
        made = json.loads((self.data / "credentials.json").read_text())
        return Instance(self.client, made["instanceId"], made["secretKey"])

    def create_instance(self, name: str) -> Instance:
        made = self.json_of("instance", "create", name)
        return Instance(self.client, made["instanceId"], made["secretKey"])

    def set_credentials(self, instance: Instance, files: Credentials) -> None:
        """Let the instance reach APNs and FCM."""
        of_apns = ["--key-id", APNS_KEY_ID, "--team-id", APNS_TEAM_ID, "--bundle-id", BUNDLE_ID]
        to = ["--instance", instance.id]
        self.command("gateway", "set", "apns", "--key-file", str(files.apns_key), *of_apns, *to)
        account = str(files.service_account)
        self.command("gateway", "set", "fcm", "--service-account", account, *to)

    def import_devices(self, instance: Instance, file: Path) -> float:
        """Bring in the devices of a file, and return how many seconds that took."""
        began_at = time.monotonic()
        self.command("import", str(file), "--instance", instance.id)
        return time.monotonic() - began_at

    def stored_bytes(self) -> int:
        """The size of the database. Right only while no server runs: then all is in its file."""
        return sum(path.stat().st_size for path in self.data.glob("heliograph.db*"))

    def wait_until_finished(self, publish_id: str) -> dict[str, Any]:
        """Wait until a publish is settled, and return its counts of each platform."""

        def platforms() -> dict[str, Any] | None:
            shown = self.json_of("publish", "show", publish_id)
            return dict(shown["platforms"]) if shown["finishedAt"] else None

        return eventually(platforms, within_s=_FINISH_TIMEOUT_S) or {}

    def log_tail(self) -> str:
        """The end of what it logged."""
        return self._log.read_text()[-_LOG_TAIL_CHARACTERS:]

    def json_of(self, *arguments: str) -> Any:
        return json.loads(self.command(*arguments, "--json"))

    def command(self, *arguments: str) -> str:
        """Run a command on the data directory, and return what it prints. Raises RuntimeError."""
        ran = subprocess.run(
            [str(HELIOGRAPH), *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode != 0:
            raise RuntimeError(f"heliograph {' '.join(arguments)}: {ran.stderr or ran.stdout}")
        return ran.stdout

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*TIED, *self._bound, str(HELIOGRAPH), "serve", *self._flags],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise RuntimeError(f"heliograph did not start:\n{self.log_tail()}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _is_ready(self) -> bool:
        try:
            return self.client.request("GET", "/ready").status == HTTPStatus.OK
        except OSError:
            return False


class Publisher:
    """Publishes over one connection that stays open, as an app's server does. A context."""

    def __init__(self, server: Server, instance: Instance) -> None:
        self._connection = HTTPConnection(*server.address)
        self._used_at = 0.0
        self._base = instance.publish.base
        self._headers = {
            **instance.publish.authorization,
            "Content-Type": "application/json",
        }

    def publish(self, audience: str, name: str, payload: dict[str, Any]) -> str:
        """Publish to a user or an interest, and return the publish id. audience: its plural."""
        body = json.dumps({audience: [name], **payload})
        if time.monotonic() - self._used_at > _KEPT_OPEN_S:
            self._connection.close()  # it opens a new one by itself
        self._connection.request("POST", f"{self._base}/publishes/{audience}", body, self._headers)
        answer = self._connection.getresponse()
        said = answer.read()
        self._used_at = time.monotonic()
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"publish refused: {answer.status} {said!r}")
        return str(json.loads(said)["publishId"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()
