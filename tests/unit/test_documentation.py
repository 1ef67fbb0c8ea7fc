"""What the documentation says of settings and commands is what there is."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click import Command, Context, Group

from heliograph.cli import cli
from scripts import document_metrics, document_scaling, document_settings

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r"^(?:\.venv/bin/)?heliograph +(.+)$", re.MULTILINE)


DOCUMENTS = {
    **document_settings.documents(),
    **document_scaling.documents(),
    **document_metrics.documents(),
}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_generated_documents_are_current(path: Path) -> None:
    assert path.read_text() == DOCUMENTS[path], "run: make docs"


def help_of(command: Command) -> Iterator[str]:
    yield command.get_help(Context(command))
    if isinstance(command, Group):
        for below in command.commands.values():
            yield from help_of(below)


def test_help_is_in_words_and_not_in_names_of_the_source() -> None:
    texts = "\n".join(help_of(cli))
    named = re.findall(r"\b[a-z]+_[a-z_]+\b", texts)
    assert named == []


def commands_in(path: Path) -> list[str]:
    return COMMAND.findall(path.read_text())


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *(ROOT / "docs").glob("*.md")], ids=lambda path: path.name
)
def test_the_commands_in_the_documentation_exist(path: Path) -> None:
    for line in commands_in(path):
        command, words = cli, line.split()
        while isinstance(command, Group):
            assert words[0] in command.commands, f"heliograph {line}"
            command = command.commands[words.pop(0)]  # type: ignore[assignment]
        known = {option for parameter in command.params for option in parameter.opts}
        given = {word.split("=")[0] for word in words if word.startswith("--")}
        assert given <= known | {"--help"}, f"heliograph {line}"


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *(ROOT / "docs").glob("*.md")], ids=lambda path: path.name
)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / link).exists(), link
