"""heliograph user"""

from functools import partial

import click

from heliograph.cli.device import print_devices
from heliograph.cli.options import (
    chosen_instance,
    data_option,
    instance_option,
    json_output,
    parsed_argument,
    with_store,
)
from heliograph.cli.output import print_json
from heliograph.data import now
from heliograph.model.device import Device
from heliograph.model.ids import parse_user_id
from heliograph.store import devices
from heliograph.store.engine import Store


@click.group()
def user() -> None:
    """Show users' devices, and delete users."""


@user.command()
@click.argument("user_id")
@instance_option
@data_option
@json_output
def show(user_id: str, instance_id: str | None, data: str | None, as_json: bool) -> None:
    """Show the devices that are tied to a user."""
    wanted = parsed_argument(parse_user_id, user_id, "USER_ID")

    async def work(store: Store) -> list[Device]:
        instance = await chosen_instance(store, instance_id)
        async with store.reading() as connection:
            return await devices.of_user(connection, instance, wanted)

    found = with_store(data, work)
    if as_json:
        shown = [{"id": device.id, "platform": device.platform} for device in found]
        print_json({"userId": wanted, "devices": shown})
    elif not found:
        click.echo(f"No device is tied to {wanted}.")
    else:
        print_devices(found)


@user.command()
@click.argument("user_id")
@instance_option
@data_option
@json_output
def delete(user_id: str, instance_id: str | None, data: str | None, as_json: bool) -> None:
    """Forget a user and all its devices, at once.

    What is with a gateway at that moment still goes out.
    """
    wanted = parsed_argument(parse_user_id, user_id, "USER_ID")

    async def work(store: Store) -> int:
        instance = await chosen_instance(store, instance_id)
        remove = partial(devices.remove_of_user, instance_id=instance, user_id=wanted)
        return await store.write(partial(remove, now=now()))

    removed = with_store(data, work)
    if as_json:
        print_json({"userId": wanted, "devicesRemoved": removed})
    else:
        click.echo(f"Deleted {wanted} and {removed} devices.")
