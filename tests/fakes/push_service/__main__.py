"""Run the fake push service: python -m tests.fakes.push_service --directory DIRECTORY.

Writes ca.pem and, once it listens, ports.json to the directory. Ends with SIGTERM, SIGINT, or, if
its standard input is a pipe, when that closes: so it never outlives the process that started it.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import ssl
import stat
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import trustme
import uvloop

from tests.fakes.push_service.connections import Listener
from tests.fakes.push_service.control import control_app
from tests.fakes.push_service.endpoint import push_endpoint
from tests.fakes.push_service.ledger import Ledger


def main() -> None:
    parser = argparse.ArgumentParser(description="A strict Web Push service for tests.")
    parser.add_argument("--directory", type=Path, required=True)
    uvloop.run(_run(parser.parse_args().directory))


async def _run(directory: Path) -> None:
    end = end_of_process()
    https, http = listening_socket(), listening_socket()
    ledger = Ledger(origin=f"https://localhost:{port_of(https)}")
    push = Listener(app=push_endpoint(ledger), tls=tls(directory / "ca.pem"))
    control = Listener(app=control_app(ledger, push))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(await push.start(https))
        await stack.enter_async_context(await control.start(http))
        announce(directory / "ports.json", {"https": port_of(https), "http": port_of(http)})
        await end.wait()
        # Nothing is worth a graceful end, and a held request would delay it for ever.
        os._exit(0)


def end_of_process() -> asyncio.Event:
    """Return an event that is set when the service has to end."""
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        loop.add_reader(sys.stdin.fileno(), end.set)
    return end


def listening_socket() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=1024)


def port_of(listening: socket.socket) -> int:
    return int(listening.getsockname()[1])


def tls(ca_file: Path) -> ssl.SSLContext:
    """Make an authority and a certificate for this machine; leave the authority's in a file."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2", "http/1.1"])
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


def announce(file: Path, ports: dict[str, int]) -> None:
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(ports))
    unfinished.replace(file)


if __name__ == "__main__":
    main()
