"""heliograph store"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import click

from heliograph import config
from heliograph import data as data_directory
from heliograph.cli.options import data_option, json_output
from heliograph.cli.output import print_json, print_table
from heliograph.config import Settings
from heliograph.model.errors import Misconfigured
from heliograph.model.ids import InstanceId, parse_instance_id
from heliograph.store import copying, directory, instances
from heliograph.store.database import PostgresqlUrl
from heliograph.store.engine import Store


@click.group()
def store() -> None:
    """Move to another database."""


@store.command()
@click.option(
    "--to",
    "url",
    metavar="URL",
    help="postgresql://user:password@host/database; better give it as the variable, which other"
    " users of the machine don't see. [HELIOGRAPH_DATABASE_URL]",
)
@click.option(
    "--instance",
    "instance_ids",
    metavar="ID",
    multiple=True,
    help="Only this instance; may be given several times. Else all.",
)
@data_option
@json_output
def copy(url: str | None, instance_ids: tuple[str, ...], data: str | None, as_json: bool) -> None:
    """Copy what is in DIR/heliograph.db to PostgreSQL: all of it, or nothing if something is wrong.

    \b
    Example, with HELIOGRAPH_DATABASE_URL set:
      heliograph store copy --data /var/lib/heliograph

    No server may run on the data directory. What is on its way there stays there, and goes out when
    a server is started on the same directory with the new database.
    """
    settings = config.load({"data": data, "database_url": url})
    if settings.database_url is None:
        raise click.UsageError("Say where to: --to URL, or HELIOGRAPH_DATABASE_URL.")
    if not data_directory.sqlite_file(settings.data).exists():
        raise Misconfigured(
            f"there is no heliograph.db in {settings.data.resolve()}",
            "Name the data directory to copy from with --data DIR.",
        )
    chosen = [parse_instance_id(one) for one in instance_ids]
    copied = asyncio.run(_copy(settings, settings.database_url, chosen))
    if as_json:
        print_json(copied)
        return
    print_table(("TABLE", "ROWS"), [(name, str(rows)) for name, rows in copied.items()])
    click.echo(f"\nAll of it is in {settings.database_url.name}. Put heliograph.db aside now.")


async def _copy(
    settings: Settings, url: PostgresqlUrl, chosen: list[InstanceId]
) -> Mapping[str, int]:
    path = directory.made(settings.data)
    async with (
        directory.locked(path, settings.local_url),
        data_directory.opened_store(replace(settings, database_url=None)) as source,
        data_directory.opened_store(replace(settings, database_url=url)) as target,
    ):
        return await copying.copy(source, target, chosen or await _all(source))


async def _all(source: Store) -> list[InstanceId]:
    async with source.reading() as connection:
        return [one.id for one in await instances.all_of_them(connection)]
