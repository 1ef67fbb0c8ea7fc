"""heliograph instance"""

import sys

import click

from heliograph import data as data_directory
from heliograph.cli.options import data_option, json_output, parsed_argument, with_store
from heliograph.cli.output import print_fields, print_json, print_table
from heliograph.model.ids import new_instance_id, parse_instance_id
from heliograph.model.instance import (
    Instance,
    SecretKey,
    parse_instance_name,
    parse_secret_key,
)
from heliograph.store import instances
from heliograph.store.engine import Store


@click.group()
def instance() -> None:
    """Make, list and delete instances, and rotate their secret keys."""


@instance.command()
@click.argument("name")
@click.option(
    "--id",
    "given_id",
    metavar="UUID",
    help="Id to bring along, from the hosted service.",
)
@click.option(
    "--secret-key",
    metavar="KEY",
    help="Secret key to bring along. Better: - for stdin.",
)
@data_option
@json_output
def create(
    name: str,
    given_id: str | None,
    secret_key: str | None,
    data: str | None,
    as_json: bool,
) -> None:
    """Make an instance and print its id and secret key.

    \b
    Examples:
      heliograph instance create shop
      heliograph instance create shop --id 8f9a6e22-… --secret-key - < key.txt
    """
    if secret_key == "-":  # noqa: S105  # stdin
        secret_key = sys.stdin.read().strip()
    parsed_argument(parse_instance_name, name)
    instance_id = parsed_argument(parse_instance_id, given_id) if given_id else new_instance_id()
    value = (
        parsed_argument(parse_secret_key, secret_key)
        if secret_key
        else data_directory.new_secret_key()
    )

    async def work(store: Store) -> None:
        await data_directory.create_instance(store, name, instance_id, value)

    with_store(data, work)
    made = {"instanceId": instance_id, "name": name, "secretKey": value}
    print_json(made) if as_json else print_fields(made)


@instance.command("list")
@data_option
@json_output
def list_(data: str | None, as_json: bool) -> None:
    """List the instances."""
    there = with_store(data, _all)
    if as_json:
        print_json([_shown(one) for one in there])
    else:
        print_table(("INSTANCE", "NAME"), [(one.id, one.name) for one in there])


@instance.command()
@click.argument("instance_id", metavar="ID")
@data_option
@json_output
def show(instance_id: str, data: str | None, as_json: bool) -> None:
    """Show an instance and the ids of its secret keys; the keys themselves stay hidden."""
    chosen = parsed_argument(parse_instance_id, instance_id)

    async def work(store: Store) -> tuple[Instance, list[SecretKey]]:
        async with store.reading() as connection:
            keys = await instances.keys_of(connection, store.seal, chosen)
            return await instances.find(connection, chosen), list(keys)

    found, keys = with_store(data, work)
    key_ids = [{"id": key.id, "createdAt": key.created_at} for key in keys]
    if as_json:
        print_json({**_shown(found), "secretKeys": key_ids})
        return
    print_fields({"instance": found.id, "name": found.name, "created": found.created_at})
    for key in keys:
        click.echo(f"secret key {key.id} of {key.created_at:%Y-%m-%d %H:%M} UTC")


@instance.command()
@click.argument("instance_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Don't ask.")
@data_option
def delete(instance_id: str, yes: bool, data: str | None) -> None:
    """Delete an instance with all its devices, users and publishes. There is no way back."""
    chosen = parsed_argument(parse_instance_id, instance_id)
    if not yes:
        click.confirm(f"Delete instance {chosen} and all its devices?", abort=True)

    async def work(store: Store) -> None:
        async with store.writing() as tx:
            await instances.remove(tx, chosen)

    with_store(data, work)
    click.echo(f"Deleted {chosen}.")


@instance.command("rotate-key")
@click.argument("instance_id", metavar="ID")
@data_option
@json_output
def rotate_key(instance_id: str, data: str | None, as_json: bool) -> None:
    """Add a new secret key and print it. The old ones stay good until they are revoked.

    \b
    To rotate without an outage: rotate-key, give the new key to your app's server, wait a day (so
    long are Beams tokens good), then revoke-key the old one.
    """
    chosen = parsed_argument(parse_instance_id, instance_id)

    async def work(store: Store) -> SecretKey:
        async with store.writing() as tx:
            await instances.find(tx, chosen)
            value = data_directory.new_secret_key()
            return await instances.add_key(tx, store.seal, chosen, value, now=data_directory.now())

    key = with_store(data, work)
    made = {"instanceId": chosen, "keyId": key.id, "secretKey": key.value}
    print_json(made) if as_json else print_fields(made)


@instance.command("revoke-key")
@click.argument("instance_id", metavar="ID")
@click.argument("key_id")
@data_option
def revoke_key(instance_id: str, key_id: str, data: str | None) -> None:
    """End a secret key at once: nothing that it signed is good any more."""
    chosen = parsed_argument(parse_instance_id, instance_id)

    async def work(store: Store) -> None:
        async with store.writing() as tx:
            await instances.revoke_key(tx, chosen, key_id)

    with_store(data, work)
    click.echo(f"Revoked {key_id}.")


async def _all(store: Store) -> list[Instance]:
    async with store.reading() as connection:
        return await instances.all_of_them(connection)


def _shown(one: Instance) -> dict[str, object]:
    return {"instanceId": one.id, "name": one.name, "createdAt": one.created_at}
