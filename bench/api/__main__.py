"""Measure the HTTP API of one server process on one core.

Requests a second and their latency, for a publish to one user, a device's registration and the
setting of its user; and how long a publish to one user takes to the gateway when all else is quiet.

The server, and the broker that it starts, are bound to the first core; the load generator, and
the fake gateway (HAProxy), to the second. Rate limits are off. A publish is measured twice: as it
is, with fan-out and delivery in the same process; and accepted only (--roles none), as where
workers do the rest. `generator_busy` near 1 would mean that the generator was the limit;
`server_busy` below 1, that the server waited for the disk: it syncs what it accepts.

On Debian it needs, besides `make test`'s set-up: apt-get install haproxy
It needs two cores. Progress goes to stderr, JSON to stdout.

  python -m bench.api > api.json
  python -m bench.api --requests 20000 --connections 64
"""

import argparse
import os
import platform
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from bench.api import requests
from bench.api.load import Load, Request, load
from bench.fanout.lanes import idle_latency
from bench.stage import programs, usage
from bench.stage.devices import write_named_devices
from bench.stage.fake import Stopwatch
from bench.stage.programs import tell
from bench.stage.server import Server
from bench.stage.stage import Stage, set_up

_SERVERS_CORE, _OUR_CORE = 0, 1
_PUBLISH = "publish_to_one_user"


def main() -> None:
    asked = _arguments()
    programs.check(["haproxy"])
    if (os.cpu_count() or 1) <= _OUR_CORE:
        sys.exit("It takes two cores: one for the server, one for the load.")
    os.sched_setaffinity(0, {_OUR_CORE})
    with set_up(core=_SERVERS_CORE) as stage:
        found = {
            "with_delivery": _measured(stage, asked, roles="fanout,deliver"),
            "accepted_only": _measured(stage, asked, roles="none"),
            "idle_publish_to_gateway": idle_latency(stage, "apns", probes=asked.probes),
        }
    report = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load_average": os.getloadavg(),
        "python": platform.python_version(),
        "requests": asked.requests,
        "connections": asked.connections,
        "rounds": asked.rounds,
        **found,
    }
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def _measured(stage: Stage, asked: argparse.Namespace, *, roles: str) -> dict[str, Any]:
    """Each kind of request in turn, for so many rounds, on a server of its own."""
    found: dict[str, list[Load]] = {}
    directory = stage.directory / roles
    directory.mkdir()
    with Server(stage, directory / "data", roles=roles) as server:
        server.set_credentials(server.instance, stage.credentials)
        server.instance.device_of(requests.USER, "apns")
        for number in range(1, asked.rounds + 1):
            for name, chosen in _kinds(server, directory, asked.requests):
                delivered = len(chosen) if name == _PUBLISH and roles != "none" else 0
                watch = Stopwatch(stage.fake, delivered)
                done = _load(server, chosen, asked.connections)
                watch.wait()  # so that what comes next isn't slowed by it
                tell(f"  {roles}, round {number}: {name}: {done.per_s}/s {done.latency}")
                found.setdefault(name, []).append(done)
    return {name: _median(rounds) for name, rounds in found.items()}


def _load(server: Server, chosen: Sequence[Request], connections: int) -> Load:
    before, began_at = usage.usage_of(server.process_id), time.monotonic()
    done = uvloop.run(load(server.address, chosen, connections=connections))
    used, elapsed_s = usage.usage_of(server.process_id) - before, time.monotonic() - began_at
    done.server_busy = round((used.own_cpu_s + used.broker_cpu_s) / elapsed_s, 2)
    return done


def _kinds(server: Server, directory: Path, count: int) -> Iterator[tuple[str, Sequence[Request]]]:
    instance = server.instance
    yield "device_registration", requests.registrations(instance, count)
    ids = [f"apns-{uuid.uuid4()}" for _ in range(count)]
    write_named_devices(directory / "devices.jsonl", ids)
    server.import_devices(instance, directory / "devices.jsonl")
    yield "set_user", requests.users_set(instance, ids)
    yield _PUBLISH, requests.publishes(instance, count)


def _median(rounds: Sequence[Load]) -> dict[str, Any]:
    def of(value: Callable[[Load], float]) -> float:
        return round(statistics.median(map(value, rounds)), 2)

    return {
        "requests_per_s": of(lambda one: one.per_s),
        "p50_ms": of(lambda one: one.latency["p50_ms"]),
        "p99_ms": of(lambda one: one.latency["p99_ms"]),
        "refused": sum(one.refused for one in rounds),
        "server_busy": of(lambda one: one.server_busy),
        "generator_busy": of(lambda one: one.generator_busy),
        "rounds": msgspec.to_builtins(rounds),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.api",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--requests", type=int, default=5000, metavar="N", help="of each kind; default: 5000")
    add("--connections", type=int, default=16, metavar="N", help="at once; default: 16")
    add("--rounds", type=int, default=3, metavar="N", help="default: 3")
    add("--probes", type=int, default=200, metavar="N", help="publishes when idle; default: 200")
    return parser.parse_args()


if __name__ == "__main__":
    main()
