"""heliograph tail"""

import http.client
import time
import urllib.error
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

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
from heliograph.model.errors import Misconfigured
from heliograph.model.ids import InstanceId
from heliograph.model.live import KINDS
from heliograph.running_server import ask
from heliograph.store.directory import RunningServer, running_server
from heliograph.store.engine import Store

_PAUSE_S = 1.0
_LONGEST_KIND = max(len(kind) for kind in KINDS)
_GOOD, _DOUBTFUL, _BAD, _NEUTRAL = "green", "yellow", "red", "cyan"
_COLOURS: Mapping[str, str] = {
    "delivered": _GOOD,
    "acknowledged": _GOOD,
    "opened": _GOOD,
    "publish-finished": _GOOD,
    "retried": _DOUBTFUL,
    "untied": _DOUBTFUL,
    "cancelled": _DOUBTFUL,
    "batch-held": _DOUBTFUL,
    "device-stopped": _DOUBTFUL,
    "user-deleted": _DOUBTFUL,
    "failed": _BAD,
    "removed": _BAD,
}
"""By outcome, or kind."""


class _Given(click.types.BoolParamType):
    """Whether there is any text: https://no-color.org"""

    def convert(self, value: Any, param: Any, ctx: Any) -> bool:
        return bool(value)


@click.command()
@data_option
@instance_option
@click.option("--user", metavar="USER", help="Only what is about this user and its devices.")
@click.option("--device", metavar="DEVICE_ID", help="Only what is about this device.")
@click.option("--publish", metavar="PUBLISH_ID", help="Only what is about this publish.")
@click.option("--kinds", metavar="KIND,...", help=f"Only these: {', '.join(KINDS)}.")
@click.option(
    "--no-color",
    "is_plain",
    is_flag=True,
    type=_Given(),
    envvar="NO_COLOR",
    help="Print without colours, as where it is no terminal. [NO_COLOR]",
)
@json_output
def tail(
    data: str | None, instance_id: str | None, is_plain: bool, as_json: bool, **filters: str | None
) -> None:
    """Print what happens in an instance, while it happens, until Ctrl-C.

    \b
    Examples:
      heliograph tail
      heliograph tail --user alice
      heliograph tail --publish PUBLISH_ID --kinds answered,acknowledged
      heliograph tail --json | jq .words

    Each line has the time (UTC), the kind, what there is to say, and user, device and publish. With
    --json it is a JSON object. It goes through the running server, and tells what happens in all
    servers and workers; not what commands change. Nothing of it is kept: what happens too fast to
    be printed, or while the server is away, is missing, and a line on stderr says so.
    """
    server = _server(data)
    if server is None:
        raise Misconfigured(
            "no server runs on the data directory",
            "Start one with `heliograph serve --data DIR`, or name its directory with --data DIR.",
        )
    instance, key = with_store(data, lambda store: _credentials(store, instance_id))
    query = urlencode({name: value for name, value in filters.items() if value is not None})
    path = f"/admin_api/v1/instances/{instance}/events?{query}"
    with suppress(KeyboardInterrupt):
        for name, content in _happening(data, path, key):
            if name == "lost":
                _remark(f"{content['number']} events are missing here")
            elif as_json:
                click.echo(msgspec.json.encode(content))
            else:
                click.echo(_line(content), color=False if is_plain else None)


async def _credentials(store: Store, instance_id: str | None) -> tuple[InstanceId, str]:
    instance = await chosen_instance(store, instance_id)
    return instance, (await newest_key(store, instance)).value


def _server(data: str | None) -> RunningServer | None:
    return running_server(config.load({"data": data}).data)


def _happening(data: str | None, path: str, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All that is heard, from one connection to the server after the other."""
    was_there, is_waiting = False, False
    while True:
        try:
            for name, content in _heard(_server(data), path, key):
                if name != "ready":
                    yield name, content
                    continue
                _remark("it is there again" if is_waiting else "watching, until Ctrl-C")
                was_there, is_waiting = True, False
        except (OSError, http.client.HTTPException) as error:
            if not was_there or _is_refusal(error):
                raise _complaint(error) from error
        if not is_waiting:
            _remark("the server is away, waiting for it; what happens meanwhile is missing here")
        is_waiting = True
        time.sleep(_PAUSE_S)


def _heard(
    server: RunningServer | None, path: str, key: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each event's name and content, until the stream ends. Raises OSError, HTTPException."""
    if server is None:
        return
    with ask(server, path, headers={"Authorization": f"Bearer {key}"}) as answer:
        for name, content in _events_in(answer):
            yield name, msgspec.json.decode(content)


def _events_in(lines: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """HTML Living Standard, section 9.2.6, as far as our server makes use of it."""
    name, content = "", b""
    for line in lines:
        field, _, value = line.rstrip(b"\n").partition(b": ")
        if field == b"event":
            name = value.decode()
        elif field == b"data":
            content = value
        elif not line.strip() and content:
            yield name, content
            name, content = "", b""


def _is_refusal(error: Exception) -> bool:
    """Whether the server has said no, and would say so again."""
    return (
        isinstance(error, urllib.error.HTTPError) and error.code != HTTPStatus.SERVICE_UNAVAILABLE
    )


def _complaint(error: Exception) -> click.ClickException:
    if isinstance(error, urllib.error.HTTPError):
        refused = msgspec.json.decode(error.read())
        return click.ClickException(f"the server refused it: {refused['description']}")
    return click.ClickException(f"the server can't be reached: {error}")


def _line(event: Mapping[str, Any]) -> str:
    kind = str(event["kind"])
    colour = _COLOURS.get(event.get("outcome", kind), _NEUTRAL)
    ids = [str(event[name]) for name in ("userId", "deviceId", "publishId") if name in event]
    parts = (
        click.style(_printable(event["at"][11:23]), dim=True),
        click.style(_printable(kind).ljust(_LONGEST_KIND), fg=colour),
        _printable(event["words"]),
        click.style(_printable(" ".join(ids)), dim=True),
    )
    return "  ".join(parts)


def _printable(text: str) -> str:
    """User ids and gateways' words may hold anything, also what a terminal would obey."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def _remark(text: str) -> None:
    click.echo(f"({text})", err=True)
