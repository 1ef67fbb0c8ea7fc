"""Requests for each second of a core: what a client costs when nothing goes wrong.

Against a gateway that takes everything (Node), which answered h2load 29,000 to 36,000 times a
second on one core: more than a client on another asks for. Rounds go from client to client, so that
what else the machine does spoils none of them alone, and only ratios within a run mean something.
"""

import asyncio
import statistics
import sys
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bench.http2_clients.job import Burst, Load
from bench.http2_clients.need import Bench
from tests.apns_service import BUNDLE

_PROGRAM = Path(__file__).with_name("fast_server.mjs")
_ROUNDS = 3
_LOAD = Load(in_flight=100, seconds=1.5)
_WARM = [Burst(paths=["/3/device/warm"]), Burst(paths=[f"/3/device/{n}" for n in range(100)])]
_HEADERS = {
    "apns-id": str(uuid.UUID(int=0)),
    "apns-topic": BUNDLE,
    "apns-push-type": "alert",
    "apns-priority": "10",
    "apns-expiration": "0",
    "authorization": "bearer " + "x" * 200,
    "content-type": "application/json",
}


async def speeds(bench: Bench, clients: Iterable[str]) -> Mapping[str, int]:
    """Successes per second of CPU time, the median of the rounds; 0 if there were failures."""
    found: dict[str, list[float]] = {client: [] for client in clients}
    async with _fast_server(bench) as port:
        for _ in range(_ROUNDS):
            for client, rounds in found.items():
                rounds.append(await _round(bench, client, port))
    return {client: round(statistics.median(rounds)) for client, rounds in found.items()}


async def _round(bench: Bench, client: str, port: int) -> float:
    ran = await bench.run(client, port, headers=_HEADERS, bursts=_WARM, load=_LOAD)
    if ran.done is None or ran.done.failures:
        return 0
    return ran.done.successes / ran.done.cpu_s


@asynccontextmanager
async def _fast_server(bench: Bench) -> AsyncIterator[int]:
    issued = bench.authority.issue_cert("localhost")
    files = [
        bench.file("fast.key", issued.private_key_pem.bytes()),
        bench.file("fast.pem", issued.cert_chain_pems[0].bytes()),
    ]
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).parent / "node",
        _PROGRAM,
        *files,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()
