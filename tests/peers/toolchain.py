"""SDKs in other languages: fetched and built by their own tools, once for the same sources."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

TIMEOUT_S = 100


def require(sdk: str, *tools: str) -> None:
    """Skip the test where a tool is missing."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"the {sdk} needs {', '.join(missing)}, which is not installed")


def built_once(cache: Path, sources: Sequence[Path], build: Callable[[Path], None]) -> Path:
    """Return the directory that was built from the sources: all of it, or there is none."""
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    directory = cache / digest[:16]
    if not directory.exists():
        unfinished = cache / f"{directory.name}.{os.getpid()}"
        build(unfinished)
        unfinished.rename(directory)
    return directory


def fetch(sdk: str, command: Sequence[str], directory: Path | None = None) -> None:
    """Skip the test if the SDK can't be had, with the first words of the tool."""
    try:
        fetched = run(command, directory)
    except subprocess.TimeoutExpired as error:
        pytest.skip(f"the {sdk} was not fetched within {error.timeout:.0f} s")
    if fetched.returncode != 0:
        said = (fetched.stdout or fetched.stderr).splitlines()
        pytest.skip(f"the {sdk} could not be fetched: {(said or ['without a word'])[0]}")


def run(command: Sequence[str], directory: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=directory, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
