"""heliograph insights"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import click

from heliograph.cli.options import (
    chosen_instance,
    data_option,
    instance_option,
    json_output,
    parsed_argument,
    with_store,
)
from heliograph.cli.output import print_json, print_table
from heliograph.data import now as clock
from heliograph.model.insights import (
    By,
    Figures,
    Group,
    Insights,
    counted_by,
    document_of,
    parse_range,
)
from heliograph.model.instant import parse_instant
from heliograph.store import insights as stored
from heliograph.store.engine import Store

_AGO = re.compile(r"(\d{1,4})([hd])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}


@click.command()
@click.option(
    "--since",
    metavar="TIME",
    help="How long ago, as 12h or 30d, or a time as 2026-05-01 or 2026-05-01T12:00Z.  [default: 30d]",
)
@click.option("--until", metavar="TIME", help="The same.  [default: now]")
@click.option("--by", type=click.Choice([*map(str, By)]), help="What to tell apart.")
@data_option
@instance_option
@json_output
def insights(
    since: str | None,
    until: str | None,
    by: str | None,
    data: str | None,
    instance_id: str | None,
    as_json: bool,
) -> None:
    """Show what became of messages, and how many devices there are.

    \b
    publishes     accepted in that time; all else is about the devices that they were for
    targets       devices whose turn has come
    delivered, failed, removed    what gateways said of them
    trackable     delivered to devices that report back
    acknowledged  reported to have arrived; ACK %: of those trackable
    openable      acknowledged and shown
    opened        tapped; OPEN %: of those openable

    \b
    Example, the last week day by day:
      heliograph insights --since 7d --by day
    """
    chosen = None if by is None else By(by)
    now = clock()
    start, end = (parsed_argument(_instant, text, now) for text in (since, until))
    meant = parsed_argument(parse_range, start, end, chosen, now)

    async def work(store: Store) -> Insights:
        instance = await chosen_instance(store, instance_id)
        async with store.reading() as connection:
            return await stored.read(connection, instance, *meant, chosen)

    read = with_store(data, work)
    if as_json:
        print_json(document_of(read))
        return
    _print_messages(read)
    _print_devices(read)


def _instant(text: str | None, now: datetime) -> datetime | None:
    """Raises Invalid."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    return now - int(ago[1]) * _UNITS[ago[2]] if ago else parse_instant(text, "TIME")


def _print_messages(read: Insights) -> None:
    names = counted_by(None)
    heading = (read.by or "").upper()
    groups = [*read.groups, Group(key="all", figures=read.total)]
    shown = counted_by(read.by)
    rows = [(_key(one), *_cells(one, names, shown)) for one in groups]
    print_table((heading, *(name.upper() for name in names), "ACK %", "OPEN %"), rows)


def _cells(group: Group, names: Sequence[str], shown: Sequence[str]) -> list[str]:
    figures = group.figures
    known = names if group.key == "all" else shown
    numbers = [str(getattr(figures, name)) if name in known else "" for name in names]
    return [*numbers, *_rates(figures)]


def _rates(figures: Figures) -> list[str]:
    rates = figures.acknowledgement_rate, figures.open_rate
    return ["-" if rate is None else f"{rate:.1%}".removesuffix("%") for rate in rates]


def _key(group: Group) -> str:
    if not isinstance(group.key, datetime):
        return group.key
    return f"{group.key:%Y-%m-%d %H:%M}".removesuffix(" 00:00")


def _print_devices(read: Insights) -> None:
    if not read.devices:
        click.echo("\nDevices are not counted yet: a server does that every minute.")
        return
    click.echo()
    rows = [(one.platform, str(one.subscribers), str(one.active)) for one in read.devices]
    print_table(("PLATFORM", "SUBSCRIBERS", "ACTIVE"), rows)
    click.echo(f"(at {read.devices[0].counted_at:%Y-%m-%d %H:%M} UTC; active: within 30 days)")
