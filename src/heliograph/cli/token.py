"""heliograph token"""

import click

from heliograph import data as data_directory
from heliograph import tokens
from heliograph.cli.options import (
    chosen_instance,
    data_option,
    instance_option,
    json_output,
    newest_key,
    parsed_argument,
    with_store,
)
from heliograph.cli.output import print_json
from heliograph.model.ids import parse_user_id
from heliograph.store.engine import Store


@click.command()
@click.argument("user_id")
@instance_option
@data_option
@json_output
def token(user_id: str, instance_id: str | None, data: str | None, as_json: bool) -> None:
    """Print a Beams token for a user, good for 24 hours, for trying things.

    \b
    Example:
      heliograph token alice

    Your app's server signs its own with its server SDK. Who has a token can tie a device to the
    user: keep it as you keep a password.
    """
    user = parsed_argument(parse_user_id, user_id, "USER_ID")

    async def work(store: Store) -> str:
        instance = await chosen_instance(store, instance_id)
        key = await newest_key(store, instance)
        return tokens.sign(user, instance, key, now=data_directory.now())

    signed = with_store(data, work)
    print_json({"token": signed}) if as_json else click.echo(signed)
