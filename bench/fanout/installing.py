"""The peers' own environments, in this folder: .venv from PyPI, node_modules from npm, and dist.

Made once; git ignores them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bench.stage.programs import tell

_HERE = Path(__file__).parent
_REQUIREMENTS = _HERE / "requirements.txt"
_VENV = _HERE / ".venv"
PYTHON = _VENV / "bin" / "python"
NODE_MODULES = _HERE / "node_modules"
_GO_PROGRAM = _HERE / "peers" / "apns2"
GO_PEER = _GO_PROGRAM / "dist" / "apns2"


def install_python_peers() -> None:
    """Make the virtual environment, unless it has what is asked for. Raises CalledProcessError."""
    stamp = _VENV / "requirements.txt"
    if stamp.exists() and stamp.read_bytes() == _REQUIREMENTS.read_bytes():
        return
    tell(f"installing the Python peers into {_VENV}")
    _run([sys.executable, "-m", "venv", str(_VENV)])
    _run([str(PYTHON), "-m", "pip", "install", "--quiet", "-r", str(_REQUIREMENTS)])
    stamp.write_bytes(_REQUIREMENTS.read_bytes())


def install_node_peers() -> None:
    """Bring node_modules to what package-lock.json says. Raises CalledProcessError."""
    lock, stamp = _HERE / "package-lock.json", NODE_MODULES / "installed-lock.json"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return
    tell(f"installing the Node.js peers into {NODE_MODULES}")
    programs = Path(sys.executable).parent
    search = f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    quiet = ["--silent", "--no-audit", "--no-fund"]
    command = [str(programs / "npm"), "ci", "--prefix", str(_HERE), *quiet]
    _run(command, environment={"PATH": search})
    stamp.write_bytes(lock.read_bytes())


def build_go_peer() -> None:
    """Build the Go program, with its modules from the proxy. Raises OSError, CalledProcessError."""
    go = shutil.which("go")
    if go is None:
        raise FileNotFoundError("there is no Go (1.25 or newer) here")
    _run([go, "build", "-C", str(_GO_PROGRAM), "-o", str(GO_PEER), "."])


def python_version_of(package: str) -> str:
    asked = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
    command = [str(PYTHON), "-c", asked, package]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def node_version_of(package: str) -> str:
    return str(json.loads((NODE_MODULES / package / "package.json").read_text())["version"])


def apns2_version() -> str:
    found = re.search(r"sideshow/apns2 (\S+)", (_GO_PROGRAM / "go.mod").read_text())
    return found[1] if found else ""


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    # stdout is for what the bench found.
    subprocess.run(
        command, env={**os.environ, **(environment or {})}, stdout=sys.stderr, check=True
    )
