"""A gateway that takes everything, as a process of its own: for load alone, it refuses nothing."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import trustme

NODE = Path(sys.executable).with_name("node")
PROGRAM = Path(__file__).parent / "fakes" / "fast" / "server.mjs"
START_TIMEOUT_S = 20


class FastGateway:
    """A running fast gateway: APNs or FCM, as far as a sender can see. A context."""

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost")
        self.ca_file = directory / "fast-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        certificate.private_key_pem.write_to_path(str(directory / "key.pem"))
        certificate.cert_chain_pems[0].write_to_path(str(directory / "cert.pem"))
        command = [str(NODE), str(PROGRAM), str(directory)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE)
        self.url = f"https://localhost:{_port(directory / 'port.json')}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(START_TIMEOUT_S)


def _port(file: Path) -> int:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not file.exists():
        if time.monotonic() > deadline:
            raise TimeoutError("the fast gateway did not start")
        time.sleep(0.02)
    return int(json.loads(file.read_text()))
