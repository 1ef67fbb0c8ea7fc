"""Measure the clients that are installed: python -m bench.http2_clients, from the repository.

JSON on stdout, a table on stderr. It ends by itself, in two minutes or so; a busy
machine takes longer.
"""

import argparse
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from bench.http2_clients import needs_ends, needs_losses, needs_streams, needs_tls
from bench.http2_clients.clients import PACKAGES, version_of
from bench.http2_clients.need import Bench, Result
from bench.http2_clients.report import table
from bench.http2_clients.speed import speeds
from tests.apns_service import ApnsService

NEEDS = [*needs_tls.NEEDS, *needs_streams.NEEDS, *needs_losses.NEEDS, *needs_ends.NEEDS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--client", action="append", choices=PACKAGES, help="only this one")
    chosen = parser.parse_args().client or list(PACKAGES)
    clients = _installed(chosen)
    if not clients:
        sys.exit(1)
    with tempfile.TemporaryDirectory() as directory:
        found = uvloop.run(_measure(Path(directory), clients))
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found)) + b"\n")


def _installed(clients: list[str]) -> list[str]:
    for client in clients:
        if version_of(client) is None:
            _tell(f"{client} is left out: pip install -r bench/requirements.txt")
    return [client for client in clients if version_of(client) is not None]


async def _measure(directory: Path, clients: list[str]) -> dict[str, Any]:
    for name in ("apns", "files"):
        (directory / name).mkdir()
    with ApnsService.start(directory / "apns") as apns:
        bench = Bench(directory / "files", apns)
        needs = {client: await _asked(bench, client) for client in clients}
        rates = await speeds(bench, clients)
    exits = {client: bench.exits[client] for client in clients}
    _tell(table(NEEDS, needs, rates, exits))
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "clients": {
            client: {
                "version": version_of(client),
                "needs": needs[client],
                "successes_per_cpu_second": rates[client],
                "exit_codes": {str(code): count for code, count in exits[client].items()},
            }
            for client in clients
        },
    }


async def _asked(bench: Bench, client: str) -> dict[str, Result]:
    results = {}
    for need in NEEDS:
        _tell(f"{client}: {need.title}")
        results[need.name] = await need.probe(bench, client)
    return results


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
