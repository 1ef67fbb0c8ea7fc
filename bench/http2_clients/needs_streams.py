"""Streams: how many over how many connections, and what becomes of the others when one fails."""

import secrets
import time

import jwt

from bench.http2_clients.fault_server import Stream, fault_server
from bench.http2_clients.job import HANGS, Burst
from bench.http2_clients.need import Bench, Need, Ran, Result
from tests.apns_service import BUNDLE, Answer, ApnsService

_MANY = 300
_ALLOWED = 100
_FEW = 20
_IDLE_S = 2.5
_ALWAYS = 20
"""Refusals ordered for one request: more than any sane client asks for."""


async def _many_at_once(bench: Bench, client: str) -> Result:
    paths = [f"/{number}" for number in range(_MANY)]
    async with fault_server(bench.tls(), max_streams=_ALLOWED) as server:
        ran = await bench.run(client, server.port, bursts=[Burst(paths=paths)])
        return _over_few(ran, _MANY, len(server.connections), server.processed_twice())


async def _begins_with_one(bench: Bench, client: str) -> Result:
    apns = bench.apns
    before, tokens = len(apns.connections()), apns.new_devices(_MANY)
    ran = await _with_token(bench, client, Burst(paths=[f"/3/device/{one}" for one in tokens]))
    connections = len(apns.connections()) - before
    counts = apns.message_counts()
    twice = sum(max(0, counts.get(token, 0) - 1) for token in tokens)
    return _over_few(ran, _MANY, connections, twice)


async def _refused_stream(bench: Bench, client: str) -> Result:
    apns = bench.apns
    tokens = apns.new_devices(2 + _FEW)
    once, always, *others = tokens
    apns.answer_next(once, Answer(reset="REFUSED_STREAM"))
    apns.answer_next(always, *[Answer(reset="REFUSED_STREAM")] * _ALWAYS)
    before = len(apns.connections())
    warm = Burst(paths=[f"/3/device/{apns.new_devices(1)[0]}"])
    burst = Burst(paths=[f"/3/device/{token}" for token in tokens])
    ran = await _with_token(bench, client, warm, burst)
    connections = len(apns.connections()) - before
    tries = {name: len(apns.requests(token)) for name, token in [("1", once), ("2", always)]}
    rest = sum(one.is_success for one in ran.outcomes(1)[2:])
    said = (
        f"others {rest}/{len(others)}, refused once: {tries['1']} tries, "
        f"always: {tries['2']}, {_connections(connections)}"
    )
    figures = {
        "others": rest,
        "tries_if_refused_once": tries["1"],
        "tries_if_always": tries["2"],
        "connections": connections,
    }
    return Result(rest == len(others) and tries["2"] < _ALWAYS and connections == 1, said, figures)


async def _timeout(bench: Bench, client: str) -> Result:
    def behaviour(stream: Stream) -> None:
        if stream.path != "/slow":
            stream.answer()

    few = [f"/{number}" for number in range(_FEW)]
    bursts = [Burst(paths=["/"]), Burst(paths=["/slow", *few]), Burst(paths=few)]
    async with fault_server(bench.tls(), behaviour) as server:
        ran = await bench.run(client, server.port, bursts=bursts, answer_timeout_s=1)
        connections, reset = len(server.connections), server.streams_reset
    others, later, slow = ran.successes(1), ran.successes(2), ran.failures(1)
    timed_out = len(slow) == 1 and HANGS not in slow
    figures = {"others": others, "later": later, "connections": connections, "reset": reset}
    said = f"others {others}/{_FEW}, later {later}/{_FEW}, {_connections(connections)}"
    met = timed_out and others == later == _FEW and connections == 1 <= reset
    return Result(met, said + ("" if reset else ", stream not reset"), figures)


async def _ping(bench: Bench, client: str) -> Result:
    burst = Burst(paths=["/"], pause_s=_IDLE_S)
    async with fault_server(bench.tls()) as server:
        await bench.run(client, server.port, bursts=[burst], ping_interval_s=1)
        pings = server.pings
    return Result(pings > 0, f"{pings} in {_IDLE_S} s", {"pings": pings})


async def _with_token(bench: Bench, client: str, *bursts: Burst) -> Ran:
    return await bench.run(
        client,
        bench.apns.ports["production"],
        authority=str(bench.apns.ca_file),
        headers=_token_headers(bench.apns),
        bursts=bursts,
    )


def _token_headers(apns: ApnsService) -> dict[str, str]:
    key = apns.new_key(f"BENCH{secrets.token_hex(2).upper()}")
    claims = {"iss": key.team_id, "iat": int(time.time())}
    token = jwt.encode(claims, key.private_pem, "ES256", {"kid": key.key_id})
    bearer = {"authorization": f"bearer {token}"}
    return {**bearer, "apns-topic": BUNDLE, "apns-push-type": "alert"}


def _over_few(ran: Ran, asked: int, connections: int, twice: int) -> Result:
    successes = ran.successes()
    figures = {"successes": successes, "connections": connections, "twice": twice}
    said = f"{successes}/{asked}, {_connections(connections)}"
    met = successes == asked and connections == 1 and not twice
    return Result(met, said + (f", {twice} twice" if twice else ""), figures)


def _connections(count: int) -> str:
    return f"{count} connection{'' if count == 1 else 's'}"


NEEDS = [
    Need("many_at_once", f"{_MANY} at once, cold, {_ALLOWED} streams allowed", _many_at_once),
    Need("begins_with_one", f"{_MANY} at once, 1 stream allowed at first", _begins_with_one),
    Need("refused_stream", "REFUSED_STREAM for two of 22", _refused_stream),
    Need("timeout", "a timeout costs one stream only", _timeout),
    Need("ping", "PING while idle", _ping),
]
