"""Connections that end with requests in flight: what is lost, what is sent twice, what goes on.

Half of the requests are answered before the end. Of the others the server has either said that it
won't look at them (above GOAWAY's last stream: they may be sent again, RFC 9113, 6.8), or it has
taken them and said nothing: then nobody can know, and a client that sends them again by itself
makes a device show a notification twice.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from h2.errors import ErrorCodes

from bench.http2_clients.fault_server import Connection, Stream, fault_server
from bench.http2_clients.job import HANGS, Burst
from bench.http2_clients.need import Bench, Need, Result

_IN_FLIGHT = 200
_AFTERWARDS = 20
_PATIENCE_S = 1.5
_HIGHEST = 2**31 - 1
_WARM = "/warm"
_GOODBYE_S = 0.3
_OLD_AND_NEW = 2
_TURNS = 10

End = Callable[[Connection, list[Stream]], int]
"""Ends a connection that has these streams open, in their order, and says how many of the requests
a client may rightly report as failed."""


class _Gather:
    """Holds the requests until all are there, or no more come, and then ends their connections."""

    def __init__(self, end: End) -> None:
        self._end = end
        self._held: list[Stream] = []
        self._timer: asyncio.TimerHandle | None = None
        self._over = False
        self.failed = 0

    def __call__(self, stream: Stream) -> None:
        if self._over or stream.path == _WARM:
            stream.answer()
            return
        self._held.append(stream)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PATIENCE_S, self._now)
        if len(self._held) == _IN_FLIGHT:
            self._now()

    def _now(self) -> None:
        if self._over or self._timer is None:
            return
        self._over = True
        self._timer.cancel()
        by_connection: dict[Connection, list[Stream]] = defaultdict(list)
        for stream in self._held:
            by_connection[stream.connection].append(stream)
        for connection, streams in by_connection.items():
            in_order = sorted(streams, key=lambda stream: stream.number)
            self.failed += self._end(connection, in_order)


def _gracefully(connection: Connection, streams: list[Stream]) -> int:
    """As RFC 9113, 6.8 wants it: announced, then with the last stream that will be answered."""
    connection.go_away(_HIGHEST)
    _half_looked_at(connection, streams, ErrorCodes.NO_ERROR)
    return 0


def _with_an_error(connection: Connection, streams: list[Stream]) -> int:
    return _half_looked_at(connection, streams, ErrorCodes.INTERNAL_ERROR)


def _half_looked_at(connection: Connection, streams: list[Stream], code: ErrorCodes) -> int:
    taken = streams[: len(streams) // 2]
    connection.go_away(taken[-1].number, code)
    for stream in taken:
        stream.answer()
    _later(connection.end)
    return len(streams) - len(taken)


def _unanswered(connection: Connection, streams: list[Stream]) -> int:
    """The last stream says that all were taken; half of them are never answered."""
    connection.go_away(streams[-1].number)
    _later(connection.end)
    return _half_answered(streams)


def _cut(connection: Connection, streams: list[Stream]) -> int:
    _later(connection.cut)
    return _half_answered(streams)


def _half_answered(streams: list[Stream]) -> int:
    half = len(streams) // 2
    for stream in streams[:half]:
        stream.answer()
    for stream in streams[half:]:
        stream.swallow()
    return len(streams) - half


def _later(end: Callable[[], None]) -> None:
    """When what is written has got out: the end of a connection may throw it away."""
    asyncio.get_running_loop().call_later(_GOODBYE_S, end)


async def _probe(bench: Bench, client: str, end: End) -> Result:
    flight = [f"/{number}" for number in range(_IN_FLIGHT)]
    later = [f"/later/{number}" for number in range(_AFTERWARDS)]
    bursts = [Burst(paths=[_WARM]), Burst(paths=flight), Burst(paths=later)]
    gather = _Gather(end)
    async with fault_server(bench.tls(), gather) as server:
        ran = await bench.run(client, server.port, bursts=bursts)
    successes, afterwards, needed = ran.successes(1), ran.successes(2), _IN_FLIGHT - gather.failed
    twice, connections = server.processed_twice(), len(server.connections)
    reported = sum(failure != HANGS for failure in ran.failures(1))
    figures = {
        "successes": successes,
        "needed": needed,
        "reported": reported,
        "twice": twice,
        "afterwards": afterwards,
        "connections": connections,
    }
    said = f"{successes} of {needed}, {twice} twice, {connections} connections"
    met = successes >= needed and successes + reported == _IN_FLIGHT and not twice
    met = met and afterwards == _AFTERWARDS and connections == _OLD_AND_NEW
    return Result(met, said, figures)


async def _closed_while_idle(bench: Bench, client: str) -> Result:
    def behaviour(stream: Stream) -> None:
        stream.answer()
        if stream.path == _WARM:
            stream.connection.go_away(stream.number)
            _later(stream.connection.end)

    flight = [f"/{number}" for number in range(_IN_FLIGHT)]
    bursts = [Burst(paths=[_WARM], pause_s=2 * _GOODBYE_S), Burst(paths=flight)]
    async with fault_server(bench.tls(), behaviour) as server:
        ran = await bench.run(client, server.port, bursts=bursts)
        connections = len(server.connections)
    successes = ran.successes(1)
    figures = {"successes": successes, "connections": connections}
    met = successes == _IN_FLIGHT and connections == _OLD_AND_NEW
    return Result(met, f"{successes} of {_IN_FLIGHT}, {connections} connections", figures)


async def _cut_alone(bench: Bench, client: str) -> Result:
    """One request alone on a connection that was used before, taken, and cut off; many times."""

    def behaviour(stream: Stream) -> None:
        if stream.path == _WARM or stream.connection.server.processed[stream.path]:
            stream.answer()
            return
        stream.swallow()
        stream.connection.cut()

    bursts = [Burst(paths=[path]) for turn in range(_TURNS) for path in (_WARM, f"/{turn}")]
    async with fault_server(bench.tls(), behaviour) as server:
        ran = await bench.run(client, server.port, bursts=bursts)
        twice = sum(server.processed[f"/{turn}"] > 1 for turn in range(_TURNS))
    reported = sum(len(ran.failures(2 * turn + 1)) for turn in range(_TURNS))
    figures = {"reported": reported, "twice": twice}
    met = reported == _TURNS and not twice
    return Result(met, f"{reported} of {_TURNS} reported, {twice} sent twice", figures)


def _need(name: str, title: str, end: End) -> Need:
    async def probe(bench: Bench, client: str) -> Result:
        return await _probe(bench, client, end)

    return Need(name, title, probe)


NEEDS = [
    _need("goaway", "GOAWAY, half not looked at", _gracefully),
    _need("goaway_error", "GOAWAY for an error, half not looked at", _with_an_error),
    _need("goaway_unanswered", "GOAWAY, half taken and not answered", _unanswered),
    _need("cut", "cut, half taken and not answered", _cut),
    Need("cut_alone", "a request alone, taken, then cut", _cut_alone),
    Need("closed_while_idle", f"closed while idle, then {_IN_FLIGHT} at once", _closed_while_idle),
]
