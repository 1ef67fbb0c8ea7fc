"""heliograph worker"""

from typing import Any

import click

from heliograph import config
from heliograph.cli.options import worker_options
from heliograph.cli.running import run_until_signalled


@click.command()
@worker_options
def worker(**flags: Any) -> None:
    """Run workers without the API, beside a server or in its place.

    \b
    Examples:
      heliograph worker --nats-url nats://a.example.com,b.example.com,c.example.com
      heliograph worker --data /var/lib/heliograph --nats-url nats://127.0.0.1 --roles deliver

    It needs the server's NATS cluster and the server's database: with SQLite that is the data
    directory of a server on the same machine. Any number may join and leave at any time; what one
    had in hand when it died goes to another. Each role that is needed must run somewhere.

    Stop it with Ctrl-C or SIGTERM: it finishes what it has in hand. A second signal stops it at
    once; nothing is lost then either.

    Each setting can also be given as a variable, or in heliograph.toml in the working directory.
    """
    settings = config.load(flags)
    from heliograph import service  # noqa: PLC0415

    run_until_signalled(settings, service.work)
