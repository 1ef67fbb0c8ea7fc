"""heliograph publish list, show, pause, resume, cancel: what became of a publish, and is to."""

from collections.abc import Sequence
from contextlib import suppress
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
from heliograph.cli.output import print_fields, print_json, print_table
from heliograph.data import now as clock
from heliograph.model.errors import Invalid, NotFound
from heliograph.model.forecast import Forecast, forecast_of
from heliograph.model.ids import UserId
from heliograph.model.instant import parse_instant
from heliograph.model.publish import AudienceKind, PublishState
from heliograph.model.report import (
    COUNTED,
    Listed,
    Report,
    Stage,
    UserReport,
    reasons_in,
    shown_listed,
    shown_names,
    shown_report,
    shown_user,
    user_reports,
)
from heliograph.store import instances, published, publishes
from heliograph.store.engine import Store
from heliograph.store.published import Place, Wanted

_MAX_LISTED = 10_000
_USERS_AT_ONCE = 100


@click.command("list")
@click.option(
    "--state",
    type=click.Choice([one.value for one in Stage]),
    help="Only those that are so far.",
    metavar="STATE",
)
@click.option(
    "--to",
    "audience",
    type=click.Choice([one.value for one in AudienceKind]),
    help="Only those to these.",
)
@click.option("--since", metavar="TIME", help="Only those accepted then or later: 2026-05-01.")
@click.option("--until", metavar="TIME", help="Only those accepted before: 2026-05-01T12:30:00Z.")
@click.option("--limit", type=click.IntRange(1, _MAX_LISTED), default=20, show_default=True)
@click.option("--cursor", metavar="TEXT", help="Go on where the page before ended.")
@instance_option
@data_option
@json_output
def list_(
    *,
    state: str | None,
    audience: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    cursor: str | None,
    instance_id: str | None,
    data: str | None,
    as_json: bool,
) -> None:
    """List publishes, newest first.

    \b
    STATE is one of: under way, finished, paused, cancelled. Examples:
      heliograph publish list --state "under way"
      heliograph publish list --to users --since 2026-05-01 --limit 100
    """
    wanted = Wanted(
        stage=None if state is None else Stage(state),
        audience=None if audience is None else AudienceKind(audience),
        since=None if since is None else parsed_argument(parse_instant, since, "--since"),
        until=None if until is None else parsed_argument(parse_instant, until, "--until"),
        behind=None if cursor is None else parsed_argument(Place.read, cursor),
    )

    async def work(store: Store) -> list[Listed]:
        instance = await chosen_instance(store, instance_id)
        async with store.reading() as connection:
            return await published.page(connection, instance, wanted, limit=limit + 1)

    found = with_store(data, work)
    more = {"nextCursor": Place.of(found[limit - 1]).written()} if len(found) > limit else {}
    if as_json:
        shown = [shown_listed(one) for one in found[:limit]]
        print_json({"publishes": shown, "responseMetadata": more})
        return
    rows = [
        (one.publish_id, f"{one.accepted_at:%Y-%m-%d %H:%M:%S}", one.stage, _to(one))
        for one in found[:limit]
    ]
    print_table(("PUBLISH", "ACCEPTED (UTC)", "STATE", "TO"), rows)
    if more:
        click.echo(f"\nThere are more: --cursor {more['nextCursor']}")


@click.command()
@click.argument("publish_id")
@click.option("--users", "by_user", is_flag=True, help="Also of each user that it was for.")
@data_option
@instance_option
@json_output
def show(
    publish_id: str, by_user: bool, data: str | None, instance_id: str | None, as_json: bool
) -> None:
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

    \b
    With --users, each user is one of:
    delivered     the gateway of at least one device took it
    failed        there were devices, and no gateway took it
    no devices    none that it was for, or none any more when their turn came
    cancelled, under way    as the publish is

    \b
    Examples:
      heliograph publish show PUBLISH_ID
      heliograph publish show PUBLISH_ID --users --json
    """

    async def work(store: Store) -> tuple[Report, list[UserReport]]:
        report = await _report(store, instance_id, publish_id)
        return report, await _by_user(store, report) if by_user else []

    report, users = with_store(data, work)
    if as_json:
        shown = shown_report(report, now=clock())
        print_json({**shown, "users": [*map(shown_user, users)]} if by_user else shown)
        return
    _print_report(report)
    if by_user:
        _print_users(users)


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


async def _by_user(store: Store, report: Report) -> list[UserReport]:
    """Raises Invalid if the publish is not to users."""
    if report.audience != AudienceKind.USERS:
        raise Invalid("--users", "only of a publish to users it is told user by user")
    names = sorted(map(UserId, report.names))
    found: list[UserReport] = []
    async with store.reading() as connection:
        for start in range(0, len(names), _USERS_AT_ONCE):
            users = names[start : start + _USERS_AT_ONCE]
            key = report.instance_id, report.publish_id
            said = await published.said_of_users(connection, *key, users)
            found += user_reports(report, users, said)
    return found


def _print_report(report: Report) -> None:
    now = clock()
    forecast = forecast_of(report.shards, report.counts, accepted_at=report.accepted_at, now=now)
    ended = report.finished_at
    print_fields(
        {
            "publish": report.publish_id,
            "to": _to(report),
            "accepted": f"{report.accepted_at:%Y-%m-%d %H:%M:%S} UTC",
            "state": report.stage,
            **({"finished": f"{ended:%Y-%m-%d %H:%M:%S} UTC"} if ended else {}),
            **({} if ended else {"progress": _in_words(forecast, now)}),
        }
    )
    if report.counts:
        click.echo()
        rows = [
            (platform, *(str(counts.get(name, 0)) for name in COUNTED))
            for platform, counts in report.counts.items()
        ]
        print_table(("PLATFORM", *(name.upper() for name in COUNTED)), rows)
    for platform, counts in report.counts.items():
        for reason, number in reasons_in(counts).items():
            click.echo(f"{platform}: {number} {reason}")


_OF_A_USER = ("delivered", "acknowledged", "opened")


def _print_users(users: Sequence[UserReport]) -> None:
    rows = [
        (
            one.user_id,
            one.outcome,
            str(len(one.devices)),
            *(str(one.counts[name]) for name in _OF_A_USER),
            "; ".join(f"{number} {reason}" for reason, number in reasons_in(one.counts).items()),
        )
        for one in users
    ]
    click.echo()
    headings = (name.upper() for name in _OF_A_USER)
    print_table(("USER", "OUTCOME", "DEVICES", *headings, "REASONS"), rows)


def _to(listed: Listed) -> str:
    return f"{listed.audience}: {shown_names(listed.names)}" if listed.names else listed.audience


def _in_words(forecast: Forecast, now: datetime) -> str:
    words = f"{forecast.settled} of about {forecast.expected} devices"
    if forecast.ends_at is None:
        return words
    left = timedelta(seconds=round((forecast.ends_at - now).total_seconds()))
    return f"{words}, done in about {left}"
