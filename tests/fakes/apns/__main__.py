"""Run the fake APNs: python -m tests.fakes.apns --directory DIRECTORY.

Writes ca.pem, client-ca.pem with its key, and, once it listens, ports.json to the directory. Ends
with SIGTERM, or when its standard input closes: so it never outlives the process that started it.
"""

import argparse
import asyncio
import os
import ssl
from functools import partial
from pathlib import Path

import trustme
import uvloop

from tests.fakes.apns.connection import Connection
from tests.fakes.apns.control import control_app
from tests.fakes.apns.ledger import Ledger
from tests.fakes.push_service.__main__ import announce, end_of_process, listening_socket, port_of
from tests.fakes.push_service.connections import Listener


def main() -> None:
    parser = argparse.ArgumentParser(description="A strict APNs for tests.")
    parser.add_argument("--directory", type=Path, required=True)
    uvloop.run(_run(parser.parse_args().directory))


async def _run(directory: Path) -> None:
    end, ledger, tls = end_of_process(), Ledger(), _tls(directory)
    loop = asyncio.get_running_loop()
    ports = {}
    for name, sandbox in (("production", False), ("sandbox", True)):
        listening = listening_socket()
        ports[name] = port_of(listening)
        accept = partial(Connection, ledger, sandbox=sandbox)
        await loop.create_server(accept, sock=listening, ssl=tls)
    http = listening_socket()
    ports["http"] = port_of(http)
    async with await Listener(app=control_app(ledger)).start(http):
        announce(directory / "ports.json", ports)
        await end.wait()
        os._exit(0)


def _tls(directory: Path) -> ssl.SSLContext:
    authority, clients = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    clients.cert_pem.write_to_path(directory / "client-ca.pem")
    clients.private_key_pem.write_to_path(directory / "client-ca.key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    context.verify_mode = ssl.CERT_OPTIONAL
    clients.configure_trust(context)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


if __name__ == "__main__":
    main()
