"""A small disk of a test's own, in memory, that can be filled to the last byte.

with SmallDisk.mounted(directory) as disk:
    disk.fill()
    disk.make_room()
"""

import os
import subprocess
from pathlib import Path
from typing import Self

SIZE_BYTES = 112 * 1024**2
"""Enough for a server that finds its disk full, with 64 MiB left."""
PAGE_BYTES = 4096


class NotAllowed(Exception):
    """Nothing may be mounted here."""


class SmallDisk:
    """A mounted disk. Started by `SmallDisk.mounted`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._filler = directory / "filler"

    @classmethod
    def mounted(cls, directory: Path) -> Self:
        """Make the directory and mount a disk there. Raises NotAllowed."""
        directory.mkdir(mode=0o700, parents=True)
        options = ["-t", "tmpfs", "-o", f"size={SIZE_BYTES},mode=700"]
        command = ["mount", *options, "tmpfs", str(directory)]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise NotAllowed("there is no program mount") from error
        if ran.returncode != 0:
            raise NotAllowed(f"no disk may be mounted: {ran.stderr.strip()}")
        return cls(directory)

    def fill(self) -> None:
        """Leave no byte free."""
        with self._filler.open("ab") as filler:
            free = self._free_bytes()
            while free > 0:
                try:
                    os.posix_fallocate(filler.fileno(), filler.tell(), free)
                    filler.seek(0, os.SEEK_END)
                except OSError:
                    # Somebody else was faster.
                    free = min(free - PAGE_BYTES, self._free_bytes())
                else:
                    free = self._free_bytes()

    def make_room(self) -> None:
        self._filler.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        subprocess.run(["umount", "--lazy", str(self.directory)], check=True)

    def _free_bytes(self) -> int:
        found = os.statvfs(self.directory)
        return found.f_bavail * found.f_frsize
