"""What processes use, as the kernel counts it: /proc, see proc(5)."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_BROKER = "nats-server"
_PARENT, _USER, _CHILDREN_SYSTEM = 1, 11, 14
"""Fields of /proc/PID/stat behind the name: ppid, utime, and (inclusive) cstime."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of CPU so far: of Heliograph's own processes, and of the broker beside them."""

    own_cpu_s: float
    broker_cpu_s: float

    def __sub__(self, before: "Usage") -> "Usage":
        return Usage(
            self.own_cpu_s - before.own_cpu_s,
            self.broker_cpu_s - before.broker_cpu_s,
        )


def usage_of(server: int) -> Usage:
    """Of a server and all its children, those that have ended included."""
    own, broker = 0.0, 0.0
    for process_id in _family(server):
        if _name(process_id) == _BROKER:
            broker += cpu_s(process_id)
        else:
            own += cpu_s(process_id)
    return Usage(own, broker)


def cpu_s(process_id: int) -> float:
    """Seconds of CPU of a process, with its children that have ended."""
    fields = _stat(process_id)
    return sum(map(int, fields[_USER : _CHILDREN_SYSTEM + 1])) / _TICKS_A_SECOND


def forget_peaks(server: int) -> None:
    """Let the peaks of memory begin anew. proc(5), clear_refs: 5 resets the peak resident set."""
    for process_id in _family(server):
        Path(f"/proc/{process_id}/clear_refs").write_text("5")


def peaks_mb(server: int) -> dict[str, float]:
    """The largest resident set (VmHWM) of the server, the broker, and the largest worker."""
    found: dict[str, float] = {}
    for process_id in _family(server):
        name = _role(server, process_id)
        found[name] = max(found.get(name, 0.0), _peak_mb(process_id))
    return found


def _role(server: int, process_id: int) -> str:
    if process_id == server:
        return "server"
    return "broker" if _name(process_id) == _BROKER else "worker"


def _family(root: int) -> list[int]:
    """The process and all below it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            children.setdefault(int(_stat(int(path.name))[_PARENT]), []).append(int(path.name))
        except OSError:
            continue
    found = [root]
    for process_id in found:
        found += children.get(process_id, [])
    return found


def _stat(process_id: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name, which may hold anything."""
    return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()


def _name(process_id: int) -> str:
    return Path(f"/proc/{process_id}/comm").read_text().strip()


def _peak_mb(process_id: int) -> float:
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0
