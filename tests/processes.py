"""Which processes run, read from the kernel: a small Debian has no tools for it."""

from collections.abc import Iterator
from pathlib import Path


def process_of(program: str, *, mentioning: str) -> int:
    """The id of the process of a program with a word in its arguments. Raises LookupError."""
    for process_id, command in _commands():
        if program in command and mentioning in command:
            return process_id
    raise LookupError(f"no {program} runs with {mentioning}")


def is_alive(process_id: int) -> bool:
    return Path(f"/proc/{process_id}").exists()


def _commands() -> Iterator[tuple[int, str]]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        yield int(process.name), b" ".join(arguments).decode(errors="replace")
