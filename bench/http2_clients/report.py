"""What was found, as a table to read."""

from collections import Counter
from collections.abc import Mapping, Sequence

from bench.http2_clients.need import Need, Result


def table(
    needs: Sequence[Need],
    results: Mapping[str, Mapping[str, Result]],
    rates: Mapping[str, int],
    exits: Mapping[str, Counter[int]],
) -> str:
    """A block for each need, a line for each client."""
    blocks = [
        [
            need.title,
            *(_line(client, _shown(found[need.name])) for client, found in results.items()),
        ]
        for need in needs
    ]
    blocks.append(
        [
            "all runs that ended with exit code 0",
            *(_line(c, _ends(found)) for c, found in exits.items()),
        ]
    )
    most = max(rates.values(), default=0) or 1
    blocks.append(
        ["successes per CPU second, 100 in flight"]
        + [_line(client, f"{rate:6} {rate / most:5.0%}") for client, rate in rates.items()]
    )
    return "\n\n".join("\n".join(block) for block in blocks)


def _line(client: str, text: str) -> str:
    return f"  {client:13} {text}"


def _shown(result: Result) -> str:
    return f"{'yes' if result.met else 'NO':4} {result.said}"


def _ends(codes: Counter[int]) -> str:
    others = {code: count for code, count in codes.items() if code}
    return f"{codes[0]} of {codes.total()}" + (f", others: {others}" if others else "")
