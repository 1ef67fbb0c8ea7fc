"""heliograph publish"""

import sys
import urllib.error
from collections.abc import Sequence
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
from heliograph.cli.output import print_json
from heliograph.cli.published import cancel, list_, pause, resume, show
from heliograph.model.errors import Misconfigured
from heliograph.model.ids import InstanceId
from heliograph.running_server import ask
from heliograph.store.directory import RunningServer, running_server
from heliograph.store.engine import Store


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


for _command in (list_, show, pause, resume, cancel):
    publish.add_command(_command)


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
