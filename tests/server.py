"""A running `heliograph serve`, as a user runs it: a process of its own, a real socket.

    with Server.start(directory / "data") as server:
        server.instance.device_of("alice")
        server.json_of("instance", "list")
        server.kill()
        server.restart()

The process dies with the thread that started it, so start it in one that lives as long as the test.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from tests.certificates import ServerCertificate
from tests.client import Client, Instance
from tests.processes import TIED, free_port

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 60
COMMAND_TIMEOUT_S = 60
POLL_S = 0.02
LOG_TAIL_BYTES = 8000
HELIOGRAPH = Path(sys.executable).with_name("heliograph")
NO_ENVIRONMENT: Mapping[str, str] = MappingProxyType({})


class Server:
    """A server on a data directory. Started by `Server.start`.

    url: without a slash at the end. instance: the one that the first start made.
    """

    process: subprocess.Popen[bytes]

    def __init__(
        self,
        data: Path,
        *,
        port: int,
        environment: Mapping[str, str],
        certificate: ServerCertificate | None,
    ) -> None:
        self.data = data
        self.port = port
        self.log = data.parent / f"{data.name}.log"
        self._certificate = certificate
        if certificate is None:
            self.url = f"http://127.0.0.1:{port}"
            self.client = Client("127.0.0.1", port)
        else:
            self.url = f"https://localhost:{port}"
            self.client = Client("localhost", port, tls=certificate.client_context())
        self._environment = {**os.environ, **environment, "HELIOGRAPH_DATA": str(data)}

    @classmethod
    def start(
        cls,
        data: Path,
        *,
        environment: Mapping[str, str] = NO_ENVIRONMENT,
        certificate: ServerCertificate | None = None,
    ) -> Self:
        """Start a server and wait until it is ready. environment: added to that of the tests.

        certificate: with one, the server speaks TLS.
        """
        server = cls(data, port=free_port(), environment=environment, certificate=certificate)
        server._launch()
        return server

    def restart(self) -> None:
        """Start again on the same data and port, after a stop if it still runs."""
        self.stop()
        self._launch()

    def stop(self) -> int:
        """Ask the process to end (SIGTERM), wait for it, and return its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End the process without a chance to tidy up (SIGKILL)."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)

    @property
    def instance_id(self) -> str:
        return str(self._credentials["instanceId"])

    @property
    def secret_key(self) -> str:
        return str(self._credentials["secretKey"])

    @property
    def instance(self) -> Instance:
        return Instance(self.client, self.instance_id, self.secret_key)

    def create_instance(self, name: str, *options: str) -> Instance:
        """Make one more instance with the command line. options: of `instance create`."""
        made = self.json_of("instance", "create", name, *options)
        return Instance(self.client, made["instanceId"], made["secretKey"])

    def cli(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run `heliograph ARGUMENTS` on the data directory of this server."""
        return subprocess.run(
            [str(HELIOGRAPH), *arguments],
            env=self._environment,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )

    def begin(
        self, *arguments: str, stdout: int, environment: Mapping[str, str] = NO_ENVIRONMENT
    ) -> "subprocess.Popen[bytes]":
        """Begin `heliograph ARGUMENTS`, which goes on. stdout: where to; its stderr is a pipe."""
        return subprocess.Popen(
            [*TIED, str(HELIOGRAPH), *arguments],
            env={**self._environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )

    def json_of(self, *arguments: str, stdin: str | None = None) -> Any:
        """Run a command with --json and return what it prints, or raise with what went wrong."""
        finished = self.cli(*arguments, "--json", stdin=stdin)
        if finished.returncode != 0:
            complaint = finished.stderr or finished.stdout
            raise RuntimeError(f"{' '.join(arguments)}: exit {finished.returncode}\n{complaint}")
        return json.loads(finished.stdout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def _credentials(self) -> dict[str, str]:
        return dict(json.loads((self.data / "credentials.json").read_text()))

    def _launch(self) -> None:
        serve = [str(HELIOGRAPH), "serve", "--data", str(self.data)]
        listen = ["--host", "127.0.0.1", "--port", str(self.port)]
        tls = [] if self._certificate is None else self._certificate.flags
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*TIED, *serve, *listen, *tls],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._is_ready():
                return
            time.sleep(POLL_S)
        log_tail = self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
        raise RuntimeError(f"heliograph is not ready (exit {self.process.poll()}):\n{log_tail}")

    def _is_ready(self) -> bool:
        try:
            return self.client.request("GET", "/ready").status == HTTPStatus.OK
        except OSError:
            return False
