"""The settings file: heliograph.toml in the working directory, if it is there."""

import tomllib
from pathlib import Path

from heliograph.model.errors import Misconfigured

FILE = Path("heliograph.toml")


def read_file() -> dict[str, str]:
    """What it says, each value as one would write it in a flag. Raises Misconfigured."""
    if not FILE.exists():
        return {}
    try:
        content = tomllib.loads(FILE.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise Misconfigured(f"{FILE} can't be read: {error}", "Mend or remove it.") from error
    return {name: _text_of(value) for name, value in content.items()}


def _text_of(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
