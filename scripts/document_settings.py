"""Writes docs/settings.md and heliograph.example.toml from the declaration of the settings."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from heliograph import config
from heliograph.config import Settings

ROOT = Path(__file__).parent.parent


def documents() -> Mapping[Path, str]:
    """The files and what must be in them."""
    return {
        ROOT / "docs" / "settings.md": _markdown(),
        ROOT / "heliograph.example.toml": _toml(),
    }


def _markdown() -> str:
    lines = [
        "# Settings",
        "",
        "A flag of `heliograph serve` wins over a variable, a variable over `heliograph.toml` in",
        "the working directory, and that over the default. A wrong setting stops the start; all",
        "that are wrong are told at once. (Made by `make docs` from `src/heliograph/config.py`.)",
        "",
        "| flag | variable | default | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for setting in fields(Settings):
        flag = "" if setting.metadata["secret"] else f"`{config.flag_of(setting)}`"
        variable = config.variable_of(setting)
        default = config.default_text(setting)
        shown = f"`{default}`" if default else ""
        lines.append(f"| {flag} | `{variable}` | {shown} | {setting.metadata['help']} |")
    return "\n".join(lines) + "\n"


def _toml() -> str:
    parts = ["# Copy to heliograph.toml in the directory where `heliograph serve` is started.\n"]
    for setting in fields(Settings):
        default = config.default_text(setting)
        value = default if default.isdecimal() else f'"{default}"'
        parts.append(f"# {setting.metadata['help']}\n# {setting.name} = {value}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    for path, content in documents().items():
        path.write_text(content)
