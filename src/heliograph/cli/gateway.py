"""heliograph gateway"""

from collections.abc import Sequence
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
from heliograph.cli.output import print_json, print_table
from heliograph.delivery.standing import Standing, ask, description_of, standing_of
from heliograph.gateways import credential_files
from heliograph.gateways.vapid import new_vapid_key
from heliograph.model.credential import Credential, VapidKey, WebIdentity
from heliograph.model.device import Platform
from heliograph.setting_values import parse_contact
from heliograph.store import credentials
from heliograph.store.engine import Store

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_platform_argument = click.argument(
    "platform", type=click.Choice([platform.value for platform in Platform])
)


@click.group()
def gateway() -> None:
    """Give an instance its credentials for APNs, FCM and Web Push, and check them.

    A running server uses a new credential at once; what waited for it goes out.
    """


@gateway.group("set")
def set_() -> None:
    """Set, or replace, the credential for a platform."""


@set_.command()
@click.option("--key-file", type=_FILE, metavar="F.p8", help="Key of your team, from Apple.")
@click.option("--key-id", metavar="K", help="The key's id, 10 characters.")
@click.option("--team-id", metavar="T", help="Your team's id, 10 characters.")
@click.option("--bundle-id", metavar="B", help="The app's, like com.example.app.")
@click.option("--cert-file", type=_FILE, metavar="F.pem|F.p12", help="Certificate, with its key.")
@click.option("--password-file", type=_FILE, metavar="F", help="Holds the .p12's password.")
@click.option("--sandbox", is_flag=True, help="For apps that are run from Xcode.")
@instance_option
@data_option
def apns(
    key_file: Path | None,
    key_id: str | None,
    team_id: str | None,
    bundle_id: str | None,
    cert_file: Path | None,
    password_file: Path | None,
    sandbox: bool,
    instance_id: str | None,
    data: str | None,
) -> None:
    """iPhones, iPads and Macs: a key (.p8) or a certificate.

    \b
    Examples:
      heliograph gateway set apns --key-file AuthKey.p8 --key-id ABC1234567 --team-id DEF1234567 --bundle-id com.example.app
      heliograph gateway set apns --cert-file push.p12 --password-file password.txt
    """
    if (key_file is None) == (cert_file is None):
        raise click.UsageError("Give either --key-file or --cert-file.")
    credential: Credential
    if key_file is not None:
        if key_id is None or team_id is None or bundle_id is None:
            raise click.UsageError("--key-file needs --key-id, --team-id and --bundle-id.")
        credential = credential_files.apns_key(
            key_file.read_bytes(),
            key_id=key_id,
            team_id=team_id,
            bundle_id=bundle_id,
            sandbox=sandbox,
        )
    elif cert_file is not None:
        password = password_file.read_bytes().strip() if password_file else None
        credential = credential_files.apns_certificate(
            cert_file.read_bytes(), password, sandbox=sandbox, now=data_directory.now()
        )
    _put(Platform.APNS, credential, instance_id, data)


@set_.command()
@click.option(
    "--service-account",
    type=_FILE,
    required=True,
    metavar="F.json",
    help="From the Firebase console: Project settings, Service accounts.",
)
@instance_option
@data_option
def fcm(service_account: Path, instance_id: str | None, data: str | None) -> None:
    """Android phones: a service account of the Firebase project."""
    account = credential_files.service_account(service_account.read_bytes())
    _put(Platform.FCM, account, instance_id, data)


@set_.command()
@click.option("--subject", metavar="URI", help="Where push services find you: mailto:… or https.")
@click.option("--private-key", type=_FILE, metavar="F.pem", help="VAPID key to bring along.")
@click.option("--new-key", is_flag=True, help="Let browsers subscribe with a new VAPID key.")
@instance_option
@data_option
def web(
    subject: str | None,
    private_key: Path | None,
    new_key: bool,
    instance_id: str | None,
    data: str | None,
) -> None:
    """Browsers: who push services are told is sending, and the VAPID key.

    Subscriptions that were made with an older key are reached as before.
    """
    if subject is None and private_key is None and not new_key:
        raise click.UsageError("Give --subject, --private-key or --new-key.")
    if subject is not None:
        parsed_argument(_parsed_subject, subject)
        _put(Platform.WEB, WebIdentity(subject=subject, keys=()), instance_id, data)
    if private_key is not None:
        _add_vapid_key(credential_files.vapid_key(private_key.read_bytes()), instance_id, data)
    elif new_key:
        _add_vapid_key(new_vapid_key(), instance_id, data)


@gateway.command()
@instance_option
@data_option
@json_output
def show(instance_id: str | None, data: str | None, as_json: bool) -> None:
    """Show which credentials there are. Their secrets stay hidden."""
    found = with_store(data, lambda store: _standings(store, instance_id))
    _print([(one, one.trouble or "in use") for one in found], as_json=as_json)


@gateway.command()
@instance_option
@data_option
@json_output
def check(instance_id: str | None, data: str | None, as_json: bool) -> None:
    """Ask the gateways whether the credentials are good. Exit code 1 if one is not."""

    async def work(store: Store) -> list[tuple[Standing, str]]:
        found = await _standings(store, instance_id)
        async with data_directory.opened_gateways(config.load({"data": data})) as gateways:
            return [(one, await ask(one, gateways) or "good") for one in found]

    found = with_store(data, work)
    _print(found, as_json=as_json)
    if any(state != "good" for _, state in found):
        raise click.exceptions.Exit(1)


@gateway.command()
@_platform_argument
@instance_option
@data_option
def remove(platform: str, instance_id: str | None, data: str | None) -> None:
    """Forget the credential for a platform. Of web only the subject: VAPID keys stay."""

    async def work(store: Store) -> None:
        instance = await chosen_instance(store, instance_id)
        async with store.writing() as tx:
            await credentials.remove(tx, instance, Platform(platform))

    with_store(data, work)
    click.echo(f"Removed the credential for {platform}.")


def _put(
    platform: Platform, credential: Credential, instance_id: str | None, data: str | None
) -> None:
    async def work(store: Store) -> None:
        instance, now = await chosen_instance(store, instance_id), data_directory.now()
        async with store.writing() as tx:
            await credentials.put(tx, store.seal, instance, platform, credential, now=now)

    with_store(data, work)
    click.echo(f"Set the credential for {platform}: {description_of(credential)}")


def _add_vapid_key(key: VapidKey, instance_id: str | None, data: str | None) -> None:
    async def work(store: Store) -> None:
        instance, now = await chosen_instance(store, instance_id), data_directory.now()
        async with store.writing() as tx:
            await credentials.add_vapid_key(tx, store.seal, instance, key, now=now)

    with_store(data, work)
    click.echo(f"Browsers subscribe with {key.public_key} from now on.")


def _parsed_subject(text: str) -> str:
    try:
        return parse_contact(text)
    except ValueError as error:
        raise click.BadParameter(f"--subject {error}") from error


async def _standings(store: Store, instance_id: str | None) -> list[Standing]:
    instance, now = await chosen_instance(store, instance_id), data_directory.now()
    found = [await standing_of(store, instance, platform, now=now) for platform in Platform]
    return [one for one in found if one is not None]


def _print(found: Sequence[tuple[Standing, str]], *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "platform": one.platform,
                    "credential": one.description,
                    "expiresAt": one.expires_at,
                    "state": state,
                }
                for one, state in found
            ]
        )
        return
    rows = [
        (
            one.platform.value,
            one.description,
            "-" if one.expires_at is None else f"{one.expires_at:%Y-%m-%d}",
            state,
        )
        for one, state in found
    ]
    print_table(("PLATFORM", "CREDENTIAL", "GOOD UNTIL", "STATE"), rows)
