"""The peers: who else sends to these gateways, and how to start each. And the bare client."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench.fanout import installing
from bench.stage.programs import node, tell

_PROGRAMS = Path(__file__).parent / "peers"
NOT_MEASURED: Mapping[str, str] = {
    "gorush": "the Go module proxy does not have it (403), and its configuration knows no APNs but"
    " Apple's; apns2, which it sends with, is measured"
}


@dataclass(frozen=True, slots=True)
class Sender:
    """A program that does one job, which it reads from stdin. version_of: once it is there."""

    name: str
    platform: str
    command: tuple[str, ...]
    version_of: Callable[[], str]


def _in_python(name: str, platform: str, package: str, *command: str) -> Sender:
    module = ["-m", f"bench.fanout.peers.{command[0]}", *command[1:]]
    start = (str(installing.PYTHON), *module)
    return Sender(name, platform, start, lambda: installing.python_version_of(package))


def _in_node(package: str, platform: str, program: str) -> Sender:
    command = (node(), str(_PROGRAMS / program))
    return Sender(package, platform, command, lambda: installing.node_version_of(package))


PYTHON_PEERS = (
    _in_python("aioapns", "apns", "aioapns", "by_aioapns"),
    _in_python("firebase-admin", "fcm", "firebase-admin", "by_firebase_admin"),
    _in_python("firebase-admin-async", "fcm", "firebase-admin", "by_firebase_admin", "async"),
    _in_python("pywebpush", "web", "pywebpush", "by_pywebpush"),
)
NODE_PEERS = (
    _in_node("@parse/node-apn", "apns", "node_apn.mjs"),
    _in_node("web-push", "web", "web_push.mjs"),
)
GO_PEERS = (Sender("apns2", "apns", (str(installing.GO_PEER),), installing.apns2_version),)
PEERS = (*PYTHON_PEERS, *NODE_PEERS, *GO_PEERS)


def bare_client(platform: str) -> Sender:
    """pyreqwest, with nothing around it."""
    command = (sys.executable, "-m", "bench.fanout.peers.bare")
    return Sender("bare client", platform, command, lambda: f"pyreqwest {version('pyreqwest')}")


def installed(wanted: Iterable[Sender]) -> tuple[list[Sender], dict[str, str]]:
    """Those of the peers that could be installed, and why the others could not."""
    chosen = set(wanted)
    left_out: dict[str, str] = {}
    for peers, install in (
        (PYTHON_PEERS, installing.install_python_peers),
        (NODE_PEERS, installing.install_node_peers),
        (GO_PEERS, installing.build_go_peer),
    ):
        group = chosen.intersection(peers)
        if not group:
            continue
        try:
            install()
        except (OSError, subprocess.CalledProcessError) as error:
            tell(f"left out: {', '.join(sorted(peer.name for peer in group))}: {error}")
            left_out |= {peer.name: f"could not be installed: {error}" for peer in group}
    return [peer for peer in PEERS if peer in chosen and peer.name not in left_out], left_out
