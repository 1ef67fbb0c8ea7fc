"""A gateway that takes everything, as a process of its own: for load alone, it refuses nothing."""

import subprocess
import sys
from pathlib import Path
from typing import Self

import trustme

NODE = Path(sys.executable).with_name("node")
PROGRAM = Path(__file__).parent / "fakes" / "fast" / "server.mjs"
STOP_TIMEOUT_S = 10


class FastGateway:
    """A running fast gateway: APNs or FCM, as far as a sender can see. A context."""

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost")
        self.ca_file = directory / "fast-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        certificate.private_key_pem.write_to_path(str(directory / "key.pem"))
        certificate.cert_chain_pems[0].write_to_path(str(directory / "cert.pem"))
        command = [str(NODE), str(PROGRAM), str(directory / "key.pem"), str(directory / "cert.pem")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # It says which port it has once it listens, or nothing if it could not start.
        said = self._process.stdout.readline() if self._process.stdout is not None else b""
        self.url = f"https://localhost:{int(said)}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(STOP_TIMEOUT_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
