"""heliograph device"""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

import click

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
from heliograph.model.device import Device, Platform
from heliograph.model.errors import Invalid, LimitReached, NotFound
from heliograph.model.ids import Interest, parse_user_id
from heliograph.store import devices, interests, quarantine
from heliograph.store.engine import Store
from heliograph.store.quarantine import Removed

_MAX_LISTED = 10_000


@click.group()
def device() -> None:
    """List, show, delete and restore devices."""


@device.command("list")
@click.option("--user", "user_id", metavar="USER_ID", help="Only the devices of this user.")
@click.option("--after", default="", metavar="DEVICE_ID", help="Go on behind this device.")
@click.option(
    "--limit",
    type=click.IntRange(1, _MAX_LISTED),
    default=100,
    show_default=True,
    help="How many at most.",
)
@instance_option
@data_option
@json_output
def list_(
    *,
    user_id: str | None,
    after: str,
    limit: int,
    instance_id: str | None,
    data: str | None,
    as_json: bool,
) -> None:
    """List devices, in the order of their ids."""
    user = None if user_id is None else parsed_argument(parse_user_id, user_id, "--user")

    async def work(store: Store) -> list[Device]:
        instance = await chosen_instance(store, instance_id)
        async with store.reading() as connection:
            if user is not None:
                found = await devices.of_user(connection, instance, user)
                return [one for one in found if one.id > after][:limit]
            return await devices.page(connection, instance, after=after, limit=limit)

    found = with_store(data, work)
    if as_json:
        print_json([_shown(one) for one in found])
    else:
        print_devices(found)


@device.command()
@click.argument("device_id")
@instance_option
@data_option
@json_output
def show(device_id: str, instance_id: str | None, data: str | None, as_json: bool) -> None:
    """Show a device with its interests. Its push token stays hidden."""
    platform = parsed_argument(_platform_of, device_id)

    async def work(store: Store) -> tuple[Device, list[Interest]]:
        instance = await chosen_instance(store, instance_id)
        async with store.reading() as connection:
            found = await devices.find(connection, instance, platform, device_id)
            return found, await interests.of_device(connection, instance, found.id)

    found, subscribed = with_store(data, work)
    shown = {**_shown(found), "interests": subscribed}
    print_json(shown) if as_json else print_fields(shown)


@device.command()
@click.argument("device_id")
@instance_option
@data_option
def delete(device_id: str, instance_id: str | None, data: str | None) -> None:
    """Untie and forget a device, at once. What is with a gateway at that moment still goes out."""
    platform = parsed_argument(_platform_of, device_id)

    async def work(store: Store) -> None:
        instance = await chosen_instance(store, instance_id)
        async with store.writing() as tx:
            if not await devices.remove(
                tx, instance, platform, device_id, now=data_directory.now()
            ):
                raise NotFound("device")

    with_store(data, work)
    click.echo(f"Deleted {device_id}.")


@device.command()
@click.argument("device_ids", nargs=-1, metavar="[DEVICE_ID...]")
@click.option("--all", "restore_all", is_flag=True, help="All that can be restored.")
@instance_option
@data_option
@json_output
def restore(
    device_ids: tuple[str, ...],
    restore_all: bool,
    instance_id: str | None,
    data: str | None,
    as_json: bool,
) -> None:
    """Bring back devices that were removed because of what a gateway said.

    For 30 days they can be, with user and interests. Without a DEVICE_ID and --all: list them.
    """

    async def work(store: Store) -> tuple[list[Removed], dict[str, str]]:
        instance, now = await chosen_instance(store, instance_id), data_directory.now()
        async with store.reading() as connection:
            there = await quarantine.page(
                connection, instance, after="", limit=_MAX_LISTED, now=now
            )
        wanted = [one.id for one in there] if restore_all else device_ids
        said: dict[str, str] = {}
        for device_id in wanted:
            try:
                restore = partial(
                    quarantine.restore, instance_id=instance, device_id=device_id, now=now
                )
                await store.write(restore)
                said[device_id] = "restored"
            except (NotFound, LimitReached) as error:
                said[device_id] = str(error)
        return there, said

    there, said = with_store(data, work)
    if said:
        print_json(said) if as_json else print_fields(said)
    elif as_json:
        print_json([asdict(one) for one in there])
    else:
        rows = [
            (one.id, one.user_id or "-", f"{one.removed_at:%Y-%m-%d %H:%M}", one.reason)
            for one in there
        ]
        print_table(("DEVICE", "USER", "REMOVED (UTC)", "REASON"), rows)
    if any(outcome != "restored" for outcome in said.values()):
        raise click.exceptions.Exit(1)


def print_devices(found: Sequence[Device]) -> None:
    """A table of devices."""
    print_table(
        ("DEVICE", "USER", "REGISTERED (UTC)"),
        [
            (one.id, one.user_id or "-", one.registered_at.strftime("%Y-%m-%d %H:%M"))
            for one in found
        ],
    )


def _platform_of(device_id: str) -> Platform:
    try:
        return Platform(device_id.split("-", 1)[0])
    except ValueError as error:
        raise Invalid("DEVICE_ID", "must be like web-6a5f…, fcm-… or apns-…") from error


def _shown(one: Device) -> dict[str, object]:
    return {
        "id": one.id,
        "platform": one.platform,
        "userId": one.user_id,
        "metadata": one.metadata,
        "registeredAt": one.registered_at,
    }
