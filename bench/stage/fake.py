"""A gateway that takes everything, for load: HAProxy, which answers by itself, on one thread.

APNs, FCM, FCM's token endpoint and a push service, over HTTP/2 and HTTP/1.1. It reads all of a
request (http-buffer-request) before it answers. A message costs it about ten microseconds of CPU, a
fraction of what any sender needs; the bench measures both (ceiling.py, `cpu_s`).

How many messages there were is read from its counters, some hundred times a second, so that seeing
the first and the last costs nothing for each message. Messages to probes are told one by one, with
the time when they had come in: a datagram for each.
"""

import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import trustme

from bench.stage import usage
from bench.stage.programs import needed
from tests.processes import TIED, free_port, is_up
from tests.waiting import eventually

PROBE = "feedbeef"
"""What the path of a message to a probe ends in. Hexadecimal digits, as an APNs token has them."""
_START_TIMEOUT_S = 10
_MESSAGE = '{\\"name\\":\\"projects/bench/messages/1\\"}'
_TOKEN = '{\\"access_token\\":\\"bench\\",\\"expires_in\\":3600,\\"token_type\\":\\"Bearer\\"}'
_CONFIGURATION = """\
global
    nbthread 1
    maxconn 4000
    stats socket {directory}/counters.sock mode 600 level admin
    tune.h2.max-concurrent-streams 1000
    tune.h2.initial-window-size 1048576
    log {directory}/arrivals.sock len 1024 format raw local0 info
defaults
    mode http
    timeout client 1h
    timeout connect 5s
    timeout server 1h
    timeout http-keep-alive 1h
    option http-buffer-request
    option dontlognull
frontend gateway
    bind 127.0.0.1:{port} ssl crt {directory}/fake.pem alpn h2,http/1.1
    log global
    log-format "%[var(txn.at)]"
    acl probe path_end {probe}
    http-request set-log-level silent unless probe
    http-request set-var(txn.at) date(0,us) if probe
    http-request return status 200 hdr apns-id "%[req.hdr(apns-id)]" if {{ path_beg /3/device/ }}
    http-request return status 201 hdr location "https://localhost/m/1" if {{ path_beg /push/ }}
    http-request return status 200 content-type application/json string "{message}"
frontend token
    bind 127.0.0.1:{token_port} ssl crt {directory}/fake.pem alpn h2,http/1.1
    http-request return status 200 content-type application/json hdr date "%[date,http_date]" \
string "{token}"
"""


class Fake:
    """The running fake. A context; directory: for its files, not shared with others.

    url: of APNs, FCM and, with /push/NAME behind it, of a browser's push service.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        port, token_port = free_port(), free_port()
        self.authority_file = directory / "ca.pem"
        self.url = f"https://localhost:{port}"
        self.token_url = f"https://localhost:{token_port}/token"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.authority_file))
        issued = authority.issue_cert("localhost")
        issued.private_key_and_cert_chain_pem.write_to_path(str(directory / "fake.pem"))
        configuration = directory / "haproxy.cfg"
        configuration.write_text(
            _CONFIGURATION.format(
                directory=directory,
                port=port,
                token_port=token_port,
                probe=PROBE,
                message=_MESSAGE,
                token=_TOKEN,
            )
        )
        # It must be there first: HAProxy looks for it once.
        self.arrivals = Arrivals(directory / "arrivals.sock")
        self._process = subprocess.Popen(
            [*TIED, needed("haproxy"), "-db", "-q", "-f", str(configuration)],
            stdin=subprocess.DEVNULL,
        )
        eventually(lambda: is_up(port), within_s=_START_TIMEOUT_S)
        self._counters = _Counters(directory / "counters.sock")

    def answered(self) -> int:
        """How many messages it has taken since its start, token requests not counted."""
        return self._counters.value("hrsp_2xx")

    def cpu_s(self) -> float:
        """Seconds of CPU that it has used since its start."""
        return usage.cpu_s(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._counters.close()
        self.arrivals.close()
        self._process.terminate()
        self._process.wait()


class Arrivals:
    """When messages to probes had come in, as the fake tells."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def next(self, *, within_s: float) -> float:
        """The time of the next arrival, as time.time() counts it. Raises TimeoutError."""
        self._socket.settimeout(within_s)
        return int(self._socket.recv(1024)) / 1e6

    def close(self) -> None:
        self._socket.close()


class _Counters:
    """The counters of HAProxy's frontend, over one connection to its stats socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._ask("prompt")

    def value(self, name: str) -> int:
        names, values = self._ask("show stat gateway 1 -1").strip().splitlines()[:2]
        found = dict(zip(names.removeprefix("# ").split(","), values.split(","), strict=True))
        return int(found[name])

    def _ask(self, command: str) -> str:
        self._socket.sendall(command.encode() + b"\n")
        said = b""
        while not said.endswith(b"\n> "):
            said += self._socket.recv(65536)
        return said.removesuffix(b"\n> ").decode()

    def close(self) -> None:
        self._socket.close()


class Stopwatch:
    """Sees when the fake has taken the first and the last of so many messages. Made before them."""

    def __init__(self, fake: Fake, messages: int) -> None:
        self._fake = fake
        self._before = fake.answered()
        self._messages = messages
        self.began_at = time.monotonic()
        self.first_s = 0.0
        self.last_s = 0.0

    def wait(self, *, stalled_after_s: float = 60) -> None:
        """Wait for the last. Raises TimeoutError if none comes for so long."""
        seen, seen_at = 0, time.monotonic()
        while seen < self._messages:
            count, now = self._fake.answered() - self._before, time.monotonic()
            if count == seen and now - seen_at > stalled_after_s:
                raise TimeoutError(f"{count} of {self._messages} messages came, then no more")
            if seen == 0 and count > 0:
                self.first_s = now - self.began_at
            if count != seen:
                seen, seen_at = count, now
            time.sleep(_SOON_S if seen == 0 else _THEN_S)
        self.last_s = seen_at - self.began_at


_SOON_S = 0.001
_THEN_S = 0.005
