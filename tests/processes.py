"""Processes and ports of this machine, as the kernel knows them: a small Debian has no tools."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

# Before a program and its arguments: it ends with the tests, however they end.
TIED = [sys.executable, "-m", "heliograph.broker.child", str(os.getpid())]


def process_of(program: str, *, mentioning: str) -> int:
    """The id of the process of a program with a word in its arguments. Raises LookupError."""
    for process_id, command in _commands():
        if program in command and mentioning in command:
            return process_id
    raise LookupError(f"no {program} runs with {mentioning}")


def children_of(process_id: int) -> dict[int, str]:
    """The processes that a process has started, each with its command line."""
    return {child: command for child, command in _commands() if _parent_of(child) == process_id}


def command_lines() -> list[str]:
    """Those of all processes, as every user of the machine can see them."""
    return [command for _, command in _commands()]


def is_alive(process_id: int) -> bool:
    return Path(f"/proc/{process_id}").exists()


def resident_bytes(process_id: int) -> int:
    """What the process holds in memory."""
    status = Path(f"/proc/{process_id}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


def is_up(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _parent_of(process_id: int) -> int | None:
    try:
        status = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return None
    # Behind the program's name, which may hold anything: the state, then the parent.
    return int(status.rpartition(")")[2].split()[1])


def _commands() -> Iterator[tuple[int, str]]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        yield int(process.name), b" ".join(arguments).decode(errors="replace")


def cpu_seconds(pid: int) -> float:
    """How much of a processor a process has used (Linux)."""
    # Behind the name, which may have blanks: proc(5).
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
