"""The command line: parse, call, print."""

import os
import sys
from contextlib import suppress

import click

from heliograph.cli.device import device
from heliograph.cli.doctor import doctor
from heliograph.cli.gateway import gateway
from heliograph.cli.insights import insights
from heliograph.cli.instance import instance
from heliograph.cli.lint import lint
from heliograph.cli.publish import publish
from heliograph.cli.serve import serve
from heliograph.cli.store import store
from heliograph.cli.tail import tail
from heliograph.cli.token import token
from heliograph.cli.transfer import export, import_
from heliograph.cli.user import user
from heliograph.cli.webhook import webhook
from heliograph.cli.why import why
from heliograph.cli.worker import worker
from heliograph.model.errors import HeliographError, Misconfigured

_FAILED, _MISCONFIGURED = 1, 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="heliograph")
def cli() -> None:
    """Heliograph: push notifications for your users, from your own machines.

    \b
    Start here:
      heliograph serve
      heliograph publish users alice --title Hello --body "Your order is on its way"

    Other commands than serve and worker work on the data directory (--data DIR, or
    HELIOGRAPH_DATA), also while a server runs on it; with HELIOGRAPH_DATABASE_URL, on that
    database. Exit codes: 0 done, 1 refused or not found, 2 wrong use or set-up.
    """


cli.add_command(serve)
cli.add_command(worker)
cli.add_command(instance)
cli.add_command(gateway)
cli.add_command(token)
cli.add_command(publish)
cli.add_command(why)
cli.add_command(insights)
cli.add_command(tail)
cli.add_command(lint)
cli.add_command(user)
cli.add_command(device)
cli.add_command(webhook)
cli.add_command(doctor)
cli.add_command(import_)
cli.add_command(export)
cli.add_command(store)


def main() -> None:
    """Run the command; what went wrong becomes a sentence on stderr and an exit code."""
    code = _exit_code()
    # The HTTP client's threads were seen to abort while the interpreter is being torn down.
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _exit_code() -> int:
    try:
        cli.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Misconfigured as error:
        click.echo(f"Error: {error}", err=True)
        return _MISCONFIGURED
    except HeliographError as error:
        click.echo(f"Error: {error}", err=True)
        return _FAILED
    return 0
