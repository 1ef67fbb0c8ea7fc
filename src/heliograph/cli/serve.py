"""heliograph serve"""

from typing import Any

import click

from heliograph import config
from heliograph.cli.options import settings_options
from heliograph.cli.running import run_until_signalled


@click.command()
@settings_options
def serve(**flags: Any) -> None:
    """Run the server: API, workers and the embedded broker, in one process tree.

    \b
    Examples:
      heliograph serve
      heliograph serve --data /var/lib/heliograph --host 0.0.0.0 --contact mailto:ops@example.com
      heliograph serve --workers 4 --contact mailto:ops@example.com

    On a new data directory it makes an instance and writes its id and secret key to
    DIR/credentials.json. Stop it with Ctrl-C or SIGTERM: it finishes what it has in hand. A second
    signal stops it at once; nothing is lost then either.

    One process uses one core. With --workers the API has a process of its own, and the work is done
    by so many others, which start, end and drain with it; one that dies is replaced.

    With --nats-url it uses that NATS cluster instead of a broker of its own; with --roles none it
    leaves all work to `heliograph worker`.

    Each setting can also be given as a variable, or in heliograph.toml in the working directory.
    """
    settings = config.load(flags)
    from heliograph import service  # noqa: PLC0415

    run_until_signalled(settings, service.serve)
