"""heliograph publish show, pause, resume, cancel: what became of a publish, and what is to."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import click

from heliograph.cli.options import (
    chosen_instance,
    data_option,
    instance_option,
    json_output,
    with_store,
)
from heliograph.cli.output import print_fields, print_json, print_table
from heliograph.data import now as clock
from heliograph.model.errors import NotFound
from heliograph.model.forecast import Forecast, forecast_of
from heliograph.model.publish import PublishState
from heliograph.store import instances, publishes
from heliograph.store.engine import Store
from heliograph.store.publishes import Report

_COLUMNS = (
    "targets",
    "delivered",
    "failed",
    "removed",
    "untied",
    "cancelled",
    "retried",
    "acknowledged",
    "opened",
)


@click.command()
@click.argument("publish_id")
@data_option
@instance_option
@json_output
def show(publish_id: str, data: str | None, instance_id: str | None, as_json: bool) -> None:
    """Show what became of a publish, platform by platform.

    \b
    targets       devices that it was for, as far as their turn has come
    delivered     taken by the gateway
    failed        refused by the gateway, or not taken in time
    removed       devices that the gateway no longer knew; they were removed
    untied        left out: the device was stopped, or no longer the user's, before its turn
    cancelled     left out: the publish was cancelled before their turn
    retried       tries that came to nothing and were repeated later
    acknowledged, opened    what devices reported back

    While it is under way it also says how many devices it may be for, and when it may be done.
    """
    report, now = with_store(data, lambda store: _report(store, instance_id, publish_id)), clock()
    forecast = forecast_of(report.shards, report.counts, accepted_at=report.accepted_at, now=now)
    if as_json:
        print_json(_shown(report, forecast))
        return
    print_fields(
        {
            "publish": report.publish_id,
            "to": report.audience,
            "accepted": f"{report.accepted_at:%Y-%m-%d %H:%M:%S} UTC",
            "state": _state(report),
            **({} if report.finished_at else {"progress": _in_words(forecast, now)}),
        }
    )
    if report.counts:
        click.echo()
        rows = [
            (platform, *(str(counts.get(name, 0)) for name in _COLUMNS))
            for platform, counts in report.counts.items()
        ]
        print_table(("PLATFORM", *(name.upper() for name in _COLUMNS)), rows)
    for platform, counts in report.counts.items():
        for reason, number in _reasons(counts).items():
            click.echo(f"{platform}: {number} {reason}")


@click.command()
@click.argument("publish_id")
@data_option
@instance_option
def pause(publish_id: str, data: str | None, instance_id: str | None) -> None:
    """Stop sending a publish that is under way, until it is resumed.

    What is with a gateway at this moment still goes out. Its time to live goes on: what is resumed
    too late is not sent.
    """
    _set_state(data, instance_id, publish_id, PublishState.PAUSED)
    click.echo(f"paused; go on with: heliograph publish resume {publish_id}")


@click.command()
@click.argument("publish_id")
@data_option
@instance_option
def resume(publish_id: str, data: str | None, instance_id: str | None) -> None:
    """Go on with a publish that was paused, where it was."""
    _set_state(data, instance_id, publish_id, PublishState.RUNNING)
    click.echo("resumed")


@click.command()
@click.argument("publish_id")
@data_option
@instance_option
def cancel(publish_id: str, data: str | None, instance_id: str | None) -> None:
    """Give up a publish that is under way, for good.

    Who was not sent it yet, won't be. What is with a gateway at this moment still goes out.
    """
    _set_state(data, instance_id, publish_id, PublishState.CANCELLED)
    click.echo("cancelled")


def _set_state(
    data: str | None, instance_id: str | None, publish_id: str, state: PublishState
) -> None:
    async def work(store: Store) -> None:
        report = await _report(store, instance_id, publish_id)
        async with store.writing() as tx:
            await publishes.set_state(tx, report.instance_id, report.publish_id, state)

    with_store(data, work)


async def _report(store: Store, instance_id: str | None, publish_id: str) -> Report:
    """Of the instance that is named, or the first that has such a publish. Raises NotFound."""
    if instance_id is not None:
        chosen = await chosen_instance(store, instance_id)
        async with store.reading() as connection:
            return await publishes.report(connection, chosen, publish_id)
    async with store.reading() as connection:
        for instance in await instances.all_of_them(connection):
            with suppress(NotFound):
                return await publishes.report(connection, instance.id, publish_id)
    raise NotFound("publish")


def _state(report: Report) -> str:
    if report.state is PublishState.CANCELLED:
        return report.state
    if report.finished_at is not None:
        # Also one that was paused when all of it was with a gateway already.
        return "finished"
    return "under way" if report.state is PublishState.RUNNING else report.state


def _in_words(forecast: Forecast, now: datetime) -> str:
    words = f"{forecast.settled} of about {forecast.expected} devices"
    if forecast.ends_at is None:
        return words
    left = timedelta(seconds=round((forecast.ends_at - now).total_seconds()))
    return f"{words}, done in about {left}"


def _reasons(counts: Mapping[str, int]) -> dict[str, int]:
    """Why targets failed or were removed, in the gateways' words."""
    return {name: number for name, number in counts.items() if ": " in name}


def _shown(report: Report, forecast: Forecast) -> dict[str, object]:
    return {
        "publishId": report.publish_id,
        "instanceId": report.instance_id,
        "audience": report.audience,
        "acceptedAt": report.accepted_at,
        "finishedAt": report.finished_at,
        "state": _state(report),
        "settledDevices": forecast.settled,
        "expectedDevices": forecast.expected,
        "endsAt": forecast.ends_at,
        "platforms": {
            platform: {
                **{name: counts.get(name, 0) for name in _COLUMNS},
                "reasons": _reasons(counts),
            }
            for platform, counts in report.counts.items()
        },
    }
