"""Run the fake FCM: python -m tests.fakes.fcm --directory DIRECTORY.

Writes ca.pem and, once it listens, ports.json to the directory. Ends with SIGTERM, or when its
standard input closes: so it never outlives the process that started it.
"""

import argparse
import os
from pathlib import Path

import uvloop

from tests.fakes.fcm.service import Service
from tests.fakes.push_service.__main__ import (
    announce,
    end_of_process,
    listening_socket,
    port_of,
    tls,
)
from tests.fakes.push_service.connections import Listener


def main() -> None:
    parser = argparse.ArgumentParser(description="A strict FCM for tests.")
    parser.add_argument("--directory", type=Path, required=True)
    uvloop.run(_run(parser.parse_args().directory))


async def _run(directory: Path) -> None:
    end, https, http = end_of_process(), listening_socket(), listening_socket()
    service = Service(f"https://localhost:{port_of(https)}")
    gateway = Listener(app=service.gateway(), tls=tls(directory / "ca.pem"))
    service.cut = gateway.cut
    control = Listener(app=service.control())
    async with await gateway.start(https), await control.start(http):
        announce(directory / "ports.json", {"https": port_of(https), "http": port_of(http)})
        await end.wait()
        os._exit(0)


if __name__ == "__main__":
    main()
