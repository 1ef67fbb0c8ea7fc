"""heliograph doctor"""

import asyncio
from dataclasses import asdict

import click

from heliograph import config
from heliograph.cli.options import data_option, json_output
from heliograph.cli.output import print_json
from heliograph.doctor import Finding, examine


@click.command()
@data_option
@json_output
def doctor(data: str | None, as_json: bool) -> None:
    """Look for what is wrong, and say how to mend it. Exit code 1 if something is.

    It looks at the data directory, the disk, the running server, the database, the master key, the
    clock, and asks Apple and Google about each credential.
    """

    async def work() -> list[Finding]:
        found = []
        async for finding in examine(config.load({"data": data})):
            found.append(finding)
            if not as_json:
                _print(finding)
        return found

    found = asyncio.run(work())
    if as_json:
        print_json([asdict(finding) for finding in found])
    if any(finding.remedy is not None for finding in found):
        raise click.exceptions.Exit(1)


def _print(finding: Finding) -> None:
    mark = click.style("ok", fg="green") if finding.remedy is None else click.style("!!", fg="red")
    click.echo(f"{mark}  {finding.part}: {finding.found}")
    if finding.remedy is not None:
        click.echo(f"    {finding.remedy}")
