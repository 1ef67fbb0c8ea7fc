"""heliograph lint"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import BinaryIO

import click

from heliograph import data
from heliograph.cli.options import json_output
from heliograph.cli.output import print_json
from heliograph.delivery import lint as delivery
from heliograph.delivery.lint import Finding, Severity

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


@click.command()
@click.argument("file", type=click.File("rb"))
@json_output
def lint(file: BinaryIO, as_json: bool) -> None:
    """Check a publish body before it is sent. FILE is its JSON, - is stdin.

    \b
    Examples:
      heliograph lint message.json
      echo '{"web": {"notification": {"title": "Hello"}}}' | heliograph lint -

    Errors are what the publish API would refuse, by the rules of Apple, Google and the browsers'
    makers, with the metadata that Heliograph adds. Warnings are what nobody refuses, but somebody
    passes over. Exit code 1 if there are errors. Neither a server nor a data directory is needed.
    """
    found = delivery.lint(file.read(), now=data.now())
    if as_json:
        print_json([asdict(finding) for finding in found])
    else:
        _print(found)
    if any(finding.severity is Severity.ERROR for finding in found):
        raise click.exceptions.Exit(1)


def _print(found: Sequence[Finding]) -> None:
    for finding in found:
        severity = click.style(finding.severity, fg=_COLOURS[finding.severity])
        click.echo(f"{severity}  {finding.path}: {finding.problem}")
    if not found:
        click.echo("Nothing is wrong with it.")
