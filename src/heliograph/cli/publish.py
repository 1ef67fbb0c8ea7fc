"""heliograph publish"""

import sys
import urllib.error
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import msgspec

from heliograph import config
from heliograph.cli.options import (
    chosen_instance,
    data_option,
    instance_option,
    json_output,
    newest_key,
    with_store,
)
from heliograph.cli.output import print_fields, print_json, print_table
from heliograph.model.errors import Misconfigured, NotFound
from heliograph.model.ids import InstanceId
from heliograph.running_server import ask
from heliograph.store import instances, publishes
from heliograph.store.directory import RunningServer, running_server
from heliograph.store.engine import Store
from heliograph.store.publishes import Report

_COLUMNS = (
    "targets",
    "delivered",
    "failed",
    "removed",
    "untied",
    "retried",
    "acknowledged",
    "opened",
)


@click.group()
def publish() -> None:
    """Publish notifications, and see what became of them."""


def _message_options(command: Any) -> Any:
    for option in (
        json_output,
        data_option,
        instance_option,
        click.option(
            "--payload",
            type=click.Path(dir_okay=False, allow_dash=True),
            metavar="FILE",
            help="The whole body in JSON (apns, fcm, web), instead of a title. - is stdin.",
        ),
        click.option("--body", metavar="TEXT", help="Text of the notification."),
        click.option("--title", metavar="TEXT", help="Title of the notification."),
    ):
        command = option(command)
    return command


@publish.command()
@click.argument("users", nargs=-1, required=True, metavar="USER...")
@_message_options
def users(users: tuple[str, ...], **options: Any) -> None:
    """Notify every device of one or more users.

    \b
    Examples:
      heliograph publish users alice --title Hello --body "Your order is on its way"
      heliograph publish users alice bob --payload message.json

    It goes through the running server, and is on its way when the publish id is printed.
    """
    _publish("users", users, **options)


@publish.command()
@click.argument("interests", nargs=-1, required=True, metavar="INTEREST...")
@_message_options
def interests(interests: tuple[str, ...], **options: Any) -> None:
    """Notify every device with any of the interests, once.

    \b
    Example:
      heliograph publish interests news --title "New episode"
    """
    _publish("interests", interests, **options)


@publish.command()
@click.argument("publish_id")
@data_option
@instance_option
@json_output
def show(publish_id: str, data: str | None, instance_id: str | None, as_json: bool) -> None:
    """Show what became of a publish, platform by platform.

    \b
    targets       devices that it was for
    delivered     taken by the gateway
    failed        refused by the gateway, or not taken in time
    removed       devices that the gateway no longer knew; they were removed
    untied        left out: the device was stopped, or no longer the user's, before its turn
    retried       tries that came to nothing and were repeated later
    acknowledged, opened    what devices reported back
    """
    report = with_store(data, lambda store: _report(store, instance_id, publish_id))
    if as_json:
        print_json(_shown(report))
        return
    print_fields(
        {
            "publish": report.publish_id,
            "to": report.audience,
            "accepted": f"{report.accepted_at:%Y-%m-%d %H:%M:%S} UTC",
            "state": "finished" if report.finished_at else "under way",
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


def _publish(
    audience: str,
    names: Sequence[str],
    *,
    title: str | None,
    body: str | None,
    payload: str | None,
    instance_id: str | None,
    data: str | None,
    as_json: bool,
) -> None:
    content = _content(title, body, payload)
    server = running_server(config.load({"data": data}).data)
    if server is None:
        raise Misconfigured(
            "no server runs on the data directory",
            "Start one with `heliograph serve --data DIR`, or name its directory with --data DIR.",
        )
    instance, key = with_store(data, lambda store: _credentials(store, instance_id))
    path = f"/publish_api/v1/instances/{instance}/publishes/{audience}"
    answer = _post(server, path, key, {**content, audience: list(names)})
    print_json(answer) if as_json else click.echo(answer["publishId"])


def _content(title: str | None, body: str | None, payload: str | None) -> dict[str, Any]:
    if payload is None:
        if title is None and body is None:
            raise click.UsageError("Say what to send: --title and --body, or --payload FILE.")
        return _for_all_platforms({"title": title or "", "body": body or ""})
    if title is not None or body is not None:
        raise click.UsageError("--payload is the whole body: leave out --title and --body.")
    try:
        raw = sys.stdin.read() if payload == "-" else Path(payload).read_text()
        content = msgspec.json.decode(raw)
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{payload} can't be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise click.BadParameter(f"{payload} must hold a JSON object with apns, fcm or web")
    return content


def _for_all_platforms(text: dict[str, str]) -> dict[str, Any]:
    return {
        "apns": {"aps": {"alert": text}},
        "fcm": {"notification": text},
        "web": {"notification": text},
    }


async def _credentials(store: Store, instance_id: str | None) -> tuple[InstanceId, str]:
    instance = await chosen_instance(store, instance_id)
    return instance, (await newest_key(store, instance)).value


def _post(server: RunningServer, path: str, key: str, content: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        with ask(server, path, headers=headers, body=msgspec.json.encode(content)) as answer:
            return dict(msgspec.json.decode(answer.read()))
    except urllib.error.HTTPError as error:
        refused = msgspec.json.decode(error.read())
        raise click.ClickException(f"the server refused it: {refused['description']}") from error
    except OSError as error:
        raise click.ClickException(
            f"the server at {server.url} can't be reached: {error}"
        ) from error


def _reasons(counts: Mapping[str, int]) -> dict[str, int]:
    """Why targets failed or were removed, in the gateways' words."""
    return {name: number for name, number in counts.items() if ": " in name}


def _shown(report: Report) -> dict[str, object]:
    return {
        "publishId": report.publish_id,
        "instanceId": report.instance_id,
        "audience": report.audience,
        "acceptedAt": report.accepted_at,
        "finishedAt": report.finished_at,
        "platforms": {
            platform: {
                **{name: counts.get(name, 0) for name in _COLUMNS},
                "reasons": _reasons(counts),
            }
            for platform, counts in report.counts.items()
        },
    }
