"""The end of a program that has used the client."""

from collections import Counter

from bench.http2_clients.fault_server import fault_server
from bench.http2_clients.job import Burst
from bench.http2_clients.need import Bench, Need, Result

_TURNS = 6
_MANY = 300


async def _clean_end(bench: Bench, client: str) -> Result:
    """Close the client behind the last answers and leave, in asyncio's own loop.

    uvloop takes long enough over its end to hide what a client's threads still do then.
    """
    bursts = [Burst(paths=["/warm"]), Burst(paths=[f"/{number}" for number in range(_MANY)])]
    async with fault_server(bench.tls()) as server:
        runs = [
            await bench.run(client, server.port, bursts=bursts, uvloop=False) for _ in range(_TURNS)
        ]
    codes = Counter(ran.exit_code for ran in runs)
    others = {f"exit_{code}": count for code, count in codes.items() if code}
    said = f"{codes[0]} of {_TURNS}" + (f", others: {others}" if others else "")
    return Result(not others, said, {"clean": codes[0], **others})


NEEDS = [Need("clean_end", "ends cleanly behind the last answers", _clean_end)]
