"""Measure how fast one publish reaches many devices, beside other senders.

The whole path is measured: an HTTP publish to an interest, until the gateway has answered for the
last device. The gateway is HAProxy, which takes everything; what it could take is measured, too.
The other senders get the same messages for the same devices, 100 in flight.

On Debian it needs, besides `make test`'s set-up:
  apt-get install haproxy nghttp2-client        (h2load measures what HAProxy can take)
  Go 1.25 or newer, for the Go peer             (left out without it)
Peers are installed into bench/fanout/, from PyPI, npm and the Go module proxy. It needs no root,
two cores at least, and leaves nothing behind but these; data is in a temporary directory.

Progress goes to stderr, JSON to stdout. Only ratios mean something on another machine.

  python -m bench.fanout > fanout.json
  python -m bench.fanout --platform apns --devices 100000 --peers none
  python -m bench.fanout --sizes 1000,10000,100000,1000000 --platform apns
  python -m bench.fanout --lanes --devices 50000
"""

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from bench.fanout.comparison import compared
from bench.fanout.jobs import IN_FLIGHT, job_for
from bench.fanout.lanes import latency
from bench.fanout.ours import prepared
from bench.fanout.senders import NOT_MEASURED, PEERS, Sender, bare_client, installed
from bench.fanout.sizes import by_size
from bench.stage import ceiling, programs
from bench.stage.programs import tell
from bench.stage.stage import Stage, set_up

_PLATFORMS = ("apns", "fcm", "web")
_PROBED = ("apns", "web")
_A_KILOBYTE = 1000


def main() -> None:
    asked = _arguments()
    programs.check(["haproxy", "h2load"])
    peers, left_out = ([], {}) if asked.sizes or asked.lanes else installed(asked.peers)
    with set_up(workers=asked.workers) as stage:
        tell("measuring what the fake gateway can take")
        ceilings = ceiling.ceilings(stage.fake, stage.directory, body_bytes=_A_KILOBYTE)
        found = _measured(asked, stage, peers)
    report = {
        **_circumstances(asked),
        "fake": {"program": programs.haproxy_version(), "threads": 1, "ceilings_per_s": ceilings},
        "not_measured": {**NOT_MEASURED, **left_out} if peers else {},
        **found,
    }
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def _measured(asked: argparse.Namespace, stage: Stage, peers: Sequence[Sender]) -> dict[str, Any]:
    if asked.sizes:
        return {"sizes": {name: by_size(stage, name, asked.sizes) for name in asked.platform}}
    if asked.lanes:
        count = {"devices": asked.devices, "probes": asked.probes}
        probed = [name for name in asked.platform if name in _PROBED]
        return {"lanes": {name: latency(stage, name, **count) for name in probed}}
    return {"platforms": {name: _compared(asked, stage, name, peers) for name in asked.platform}}


def _compared(
    asked: argparse.Namespace, stage: Stage, name: str, peers: Sequence[Sender]
) -> dict[str, Any]:
    with prepared(stage, name, asked.devices) as here:
        job = job_for(stage, name, here.file, asked.devices, here.server.instance.id)
        chosen = [peer for peer in peers if peer.platform == name]
        return compared(here, job, chosen, bare_client(name), rounds=asked.rounds)


def _circumstances(asked: argparse.Namespace) -> dict[str, Any]:
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load_average": os.getloadavg(),
        "python": platform.python_version(),
        "devices": asked.sizes or asked.devices,
        "rounds": asked.rounds,
        "in_flight": IN_FLIGHT,
        "workers": asked.workers,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.fanout",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--platform", type=_platforms, default=_PLATFORMS, help="of apns,fcm,web; default: all")
    add("--devices", type=int, default=10_000, metavar="N", help="default: 10000")
    add("--rounds", type=int, default=3, metavar="N", help="of each sender; default: 3")
    add(
        "--peers", type=_peers, default=PEERS, help=f"of {','.join(p.name for p in PEERS)}; or none"
    )
    add("--workers", type=int, default=0, metavar="N", help="`heliograph serve --workers N`")
    add("--sizes", type=_sizes, metavar="N,N", help="only ours, to so many devices each")
    add(
        "--lanes",
        action="store_true",
        help="what one user waits beside --devices devices (not fcm)",
    )
    add("--probes", type=int, default=200, metavar="N", help="of --lanes; default: 200")
    return parser.parse_args()


def _platforms(text: str) -> list[str]:
    return _known(text, _PLATFORMS)


def _peers(text: str) -> list[Sender]:
    if text == "none":
        return []
    names = _known(text, [peer.name for peer in PEERS])
    return [peer for peer in PEERS if peer.name in names]


def _known(text: str, known: Sequence[str]) -> list[str]:
    chosen = text.split(",")
    if unknown := set(chosen) - set(known):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {', '.join(known)}")
    return chosen


def _sizes(text: str) -> list[int]:
    return [int(size.replace("_", "")) for size in text.split(",")]


if __name__ == "__main__":
    main()
