"""Writes the table of docs/observability.md from the declaration of the figures."""

from collections.abc import Mapping
from pathlib import Path

from heliograph.telemetry.declared import DECLARED

DOCUMENT = Path(__file__).parent.parent / "docs" / "observability.md"
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"


def documents() -> Mapping[Path, str]:
    """The file and what must be in it: the rest is as it is there."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    return {DOCUMENT: f"{before}{BEGIN}{_table()}{END}{after}"}


def _table() -> str:
    lines = ["| name | type | labels | meaning |", "| --- | --- | --- | --- |"]
    for one in DECLARED:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        lines.append(f"| `{one.name}` | {one.kind} | {labels} | {one.about} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for path, content in documents().items():
        path.write_text(content)
