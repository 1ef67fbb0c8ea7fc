"""heliograph why"""

import click

from heliograph.cli.options import (
    chosen_instance,
    data_option,
    instance_option,
    json_output,
    parsed_argument,
    with_store,
)
from heliograph.cli.output import print_json
from heliograph.data import now as clock
from heliograph.model.causes import Cause
from heliograph.model.diagnosis import Facts
from heliograph.model.ids import parse_user_id
from heliograph.model.timeline import Entry, Timeline, shown_timeline, timeline_of
from heliograph.store import timelines
from heliograph.store.engine import Store


@click.command()
@click.option("--user", "user_id", metavar="USER_ID", required=True, help="Whom it did not reach.")
@click.option("--publish", "publish_id", metavar="ID", help="Only of this publish.")
@instance_option
@data_option
@json_output
def why(
    user_id: str,
    publish_id: str | None,
    instance_id: str | None,
    data: str | None,
    as_json: bool,
) -> None:
    """Tell why a notification did not arrive, or what became of it.

    For each device that the user has or had: what happened to it, what its gateway said and what
    it reported, in the order of time; the likely cause, and what to do.

    \b
    Examples:
      heliograph why --user alice
      heliograph why --user alice --publish PUBLISH_ID
    """
    wanted = parsed_argument(parse_user_id, user_id, "--user")

    async def work(store: Store) -> Facts:
        instance = await chosen_instance(store, instance_id)
        async with store.reading() as connection:
            return await timelines.facts_of(connection, instance, wanted, publish_id, now=clock())

    timeline = timeline_of(with_store(data, work))
    if as_json:
        print_json(shown_timeline(timeline))
    else:
        _print(timeline)


def _print(timeline: Timeline) -> None:
    click.echo(f"user {timeline.user_id}: {len(timeline.devices)} devices are known")
    for entry in timeline.entries:
        _print_entry(entry)
    for cause in timeline.causes:
        _print_cause(cause)
    for device in timeline.devices:
        click.echo(f"\n{device.device_id} ({device.state})")
        for entry in device.entries:
            _print_entry(entry)
        _print_cause(device.cause)


def _print_entry(entry: Entry) -> None:
    words = [entry.what, entry.publish_id or "", f"({entry.reason})" if entry.reason else ""]
    said = " ".join(word for word in words if word)
    click.echo(f"  {entry.at:%Y-%m-%d %H:%M:%S}  {said}: {entry.meaning}")


def _print_cause(cause: Cause) -> None:
    click.echo(f"  => {cause.cause}")
    if cause.cure:
        click.echo(f"     {cause.cure}")
