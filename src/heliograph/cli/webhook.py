"""heliograph webhook"""

import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from heliograph import config
from heliograph import data as data_directory
from heliograph.cli.options import (
    chosen_instance,
    data_option,
    instance_option,
    json_output,
    parsed_argument,
    with_store,
)
from heliograph.cli.output import print_fields, print_json, print_table
from heliograph.model.errors import NotFound
from heliograph.model.webhook import (
    Webhook,
    new_webhook_id,
    parse_custom_data,
    parse_events,
    parse_webhook_secret,
    parse_webhook_url,
    without_password,
)
from heliograph.model.webhook_body import (
    call_for_a_test,
)
from heliograph.store import webhook_calls, webhooks
from heliograph.store.engine import Store
from heliograph.store.webhook_calls import Failure
from heliograph.webhooks.send import NotTaken, Taken, send

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def webhook() -> None:
    """Tell your servers what became of publishes to users: docs/webhooks.md."""


@webhook.command()
@click.option("--url", required=True, metavar="URL", help="What is called. - for stdin.")
@click.option("--secret", metavar="S", help="What calls are signed with. - for stdin.")
@click.option("--secret-file", type=_FILE, metavar="F", help="Holds it. Made, if neither is given.")
@click.option(
    "--events",
    required=True,
    metavar="E,...",
    help="Some of attempt, acknowledgement, open; or as Beams calls them.",
)
@click.option("--custom-data", default="{}", metavar="JSON", help="Goes along with every call.")
@instance_option
@data_option
@json_output
def add(
    url: str,
    secret: str | None,
    secret_file: Path | None,
    events: str,
    custom_data: str,
    instance_id: str | None,
    data: str | None,
    as_json: bool,
) -> None:
    """Call a URL for these events from now on. A secret that is made is shown this once.

    \b
    Examples:
      heliograph webhook add --url https://example.com/beams --events attempt,open
      heliograph webhook add --url https://example.com/beams --events attempt --secret - < secret.txt
    """
    if secret is not None and secret_file is not None:
        raise click.UsageError("Give either --secret or --secret-file.")
    is_made = secret is None and secret_file is None
    made = Webhook(
        id=new_webhook_id(),
        url=parsed_argument(parse_webhook_url, _given(url), "--url"),
        secret=parsed_argument(parse_webhook_secret, _secret(secret, secret_file)),
        events=parsed_argument(parse_events, [name.strip() for name in events.split(",")]),
        custom_data=parsed_argument(parse_custom_data, custom_data),
        created_at=data_directory.now(),
    )

    async def work(store: Store) -> None:
        chosen = await chosen_instance(store, instance_id)
        async with store.writing() as tx:
            await webhooks.add(tx, store.seal, chosen, made)

    with_store(data, work)
    shown: dict[str, object] = {"webhookId": made.id}
    if is_made:
        shown["secret"] = made.secret
    print_json(shown) if as_json else print_fields(shown)


@webhook.command("list")
@instance_option
@data_option
@json_output
def list_(instance_id: str | None, data: str | None, as_json: bool) -> None:
    """List the webhooks. Secrets stay hidden, and the passwords in URLs."""

    async def work(store: Store) -> list[Webhook]:
        chosen = await chosen_instance(store, instance_id)
        async with store.reading() as connection:
            return await webhooks.all_of(connection, store.seal, chosen)

    there = with_store(data, work)
    if as_json:
        print_json([_shown(one) for one in there])
        return
    rows = [
        (one.id, ",".join(event.short_name for event in one.events), without_password(one.url)[0])
        for one in there
    ]
    print_table(("WEBHOOK", "EVENTS", "URL"), rows)


@webhook.command()
@click.argument("webhook_id", metavar="ID")
@instance_option
@data_option
def remove(webhook_id: str, instance_id: str | None, data: str | None) -> None:
    """Call it no more. What it has not taken yet is forgotten."""

    async def work(store: Store) -> None:
        chosen = await chosen_instance(store, instance_id)
        async with store.writing() as tx:
            await webhooks.remove(tx, chosen, webhook_id)

    with_store(data, work)
    click.echo(f"Removed {webhook_id}.")


@webhook.command()
@click.argument("webhook_id", metavar="ID")
@instance_option
@data_option
@json_output
def test(webhook_id: str, instance_id: str | None, data: str | None, as_json: bool) -> None:
    """Call it once, now and from here, about a publish that never was. Exit code 1: not taken.

    The call is signed, with the events' headers and custom data; it names no users, or "test".
    """
    settings = config.load({"data": data})

    async def work(store: Store) -> Taken | NotTaken:
        chosen = await chosen_instance(store, instance_id)
        async with store.reading() as connection:
            found = await webhooks.find(connection, store.seal, chosen, webhook_id)
        if found is None:
            raise NotFound("webhook")
        now = data_directory.now()
        async with data_directory.webhook_http(settings)() as http:
            return await send(http, call_for_a_test(found, chosen, now=now), now=now)

    outcome = with_store(data, work)
    taken = isinstance(outcome, Taken)
    said = f"answered {outcome.status}" if isinstance(outcome, Taken) else outcome.reason
    if as_json:
        print_json({"taken": taken, "answer": said})
    else:
        click.echo(f"{'taken' if taken else 'not taken'}: {said}")
    if not taken:
        sys.exit(1)


@webhook.command()
@instance_option
@data_option
@json_output
def failures(instance_id: str | None, data: str | None, as_json: bool) -> None:
    """List the calls that were not taken at any of their five tries."""

    async def work(store: Store) -> list[Failure]:
        chosen = await chosen_instance(store, instance_id)
        async with store.reading() as connection:
            return await webhook_calls.failures(connection, chosen)

    there = with_store(data, work)
    if as_json:
        print_json([_failure(one) for one in there])
        return
    rows = [
        (one.id, one.webhook_id or "-", one.event, f"{one.failed_at:%Y-%m-%d %H:%M}", one.failure)
        for one in there
    ]
    print_table(("CALL", "WEBHOOK", "EVENT", "FAILED (UTC)", "BECAUSE"), rows)


@webhook.command()
@click.argument("call_id", metavar="CALL", required=False)
@click.option("--all", "all_of_them", is_flag=True, help="All that have failed.")
@instance_option
@data_option
def replay(
    call_id: str | None, all_of_them: bool, instance_id: str | None, data: str | None
) -> None:
    """Make a call that has failed once more, with as many tries, same id and same body."""
    if (call_id is None) != all_of_them:
        raise click.UsageError("Give either a call's id or --all.")

    async def work(store: Store) -> int:
        chosen = await chosen_instance(store, instance_id)
        now = data_directory.now()
        async with store.writing() as tx:
            if call_id is None:
                return await webhook_calls.replay_all(tx, chosen, now=now)
            await webhook_calls.replay(tx, chosen, call_id, now=now)
            return 1

    number = with_store(data, work)
    click.echo(f"{number} {'call is' if number == 1 else 'calls are'} made again.")


def _given(text: str) -> str:
    return sys.stdin.readline().strip() if text == "-" else text


def _secret(given: str | None, file: Path | None) -> str:
    if file is not None:
        return file.read_text().strip()
    return secrets.token_hex(32) if given is None else _given(given)


def _shown(one: Webhook) -> Mapping[str, object]:
    return {
        "webhookId": one.id,
        "url": without_password(one.url)[0],
        "events": one.events,
        "customData": one.custom_data,
        "createdAt": one.created_at,
    }


def _failure(one: Failure) -> Mapping[str, object]:
    return {
        "callId": one.id,
        "webhookId": one.webhook_id,
        "event": one.event,
        "createdAt": one.created_at,
        "tries": one.tries,
        "failedAt": one.failed_at,
        "failure": one.failure,
    }
