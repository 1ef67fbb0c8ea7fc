"""Options that several commands share, and the way from a command to the store."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import Field, fields
from typing import Any, TypeVar

import click

from heliograph import config
from heliograph import data as data_directory
from heliograph.config import Settings
from heliograph.model.errors import Invalid, Misconfigured
from heliograph.model.ids import InstanceId, parse_instance_id
from heliograph.model.instance import SecretKey
from heliograph.store import instances
from heliograph.store.engine import Store

_Result = TypeVar("_Result")
_Command = Callable[..., None]

json_output = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")

data_option = click.option(
    "--data",
    metavar="DIR",
    help="Data directory of the server. [HELIOGRAPH_DATA; default: data]",
)

instance_option = click.option(
    "--instance",
    "instance_id",
    metavar="ID",
    envvar="HELIOGRAPH_INSTANCE",
    help="Instance id. Not needed if there is only one. [HELIOGRAPH_INSTANCE]",
)


_OF_THE_API = frozenset(
    [
        "host",
        "port",
        "url",
        "tls_cert",
        "tls_key",
        "trusted_proxies",
        "publish_rate",
        "device_rate",
        "publish_retention",
        "insights_retention",
    ]
)
"""Settings that say nothing to a process without the API."""


def settings_options(command: _Command) -> _Command:
    """An option for each setting that is not secret, with its help."""
    return _with_options(command, fields(Settings))


def worker_options(command: _Command) -> _Command:
    """The same without those of the API, and of the workers beside it."""
    others = _OF_THE_API | {"workers"}
    return _with_options(command, [one for one in fields(Settings) if one.name not in others])


def _with_options(command: _Command, settings: Sequence["Field[Any]"]) -> _Command:
    for setting in reversed(settings):
        if setting.metadata["secret"]:
            continue
        default = config.default_text(setting)
        hint = config.variable_of(setting) + (f"; default: {default}" if default else "")
        option = click.option(
            config.flag_of(setting),
            setting.name,
            metavar=setting.metadata["metavar"],
            help=f"{setting.metadata['help']} [{hint}]",
        )
        command = option(command)
    return command


def with_store(data: str | None, work: Callable[[Store], Awaitable[_Result]]) -> _Result:
    """Run the work on the store: the one in HELIOGRAPH_DATABASE_URL, or of the data directory.

    Raises Misconfigured if there is none.
    """
    settings = config.load({"data": data})

    async def run() -> _Result:
        async with data_directory.existing_store(settings) as store:
            return await work(store)

    return asyncio.run(run())


async def chosen_instance(store: Store, given: str | None) -> InstanceId:
    """The instance that --instance names, or the only one there is.

    Raises Invalid, NotFound, Misconfigured.
    """
    async with store.reading() as connection:
        if given is not None:
            return (await instances.find(connection, parse_instance_id(given))).id
        there = await instances.all_of_them(connection)
    if len(there) != 1:
        problem = "there is no instance" if not there else "there are several instances"
        raise Misconfigured(problem, "Name one with --instance ID; see: heliograph instance list")
    return there[0].id


async def newest_key(store: Store, instance_id: InstanceId) -> SecretKey:
    """The secret key to sign and publish with. Raises Misconfigured if all are revoked."""
    async with store.reading() as connection:
        keys = await instances.keys_of(connection, store.seal, instance_id)
    if not keys:
        raise Misconfigured(
            "all secret keys of the instance are revoked",
            f"Make one with: heliograph instance rotate-key {instance_id}",
        )
    return keys[-1]


def parsed_argument(parse: Callable[..., _Result], *values: Any) -> _Result:
    """A rule of the model on an argument; breaking it is a wrong use of the command."""
    try:
        return parse(*values)
    except Invalid as error:
        raise click.BadParameter(error.reason) from error
