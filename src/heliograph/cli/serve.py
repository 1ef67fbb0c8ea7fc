"""heliograph serve"""

import asyncio
import logging
import os
import signal
import sys
from typing import Any

import click

from heliograph import config
from heliograph.cli.options import settings_options
from heliograph.config import Settings


@click.command()
@settings_options
def serve(**flags: Any) -> None:
    """Run the server: API, workers and the embedded broker, in one process tree.

    \b
    Examples:
      heliograph serve
      heliograph serve --data /var/lib/heliograph --host 0.0.0.0 --contact mailto:ops@example.com

    On a new data directory it makes an instance and writes its id and secret key to
    DIR/credentials.json. Stop it with Ctrl-C or SIGTERM: it finishes what it has in hand. A second
    signal stops it at once; nothing is lost then either.

    Each setting can also be given as a variable, or in heliograph.toml in the working directory.
    """
    # Only this command needs all of the server: the others start in half the time without it.
    import uvloop  # noqa: PLC0415

    settings = config.load(flags)
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    uvloop.run(_serve(settings))
    # The HTTP client's threads were seen to abort while the interpreter is being torn down.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


async def _serve(settings: Settings) -> None:
    from heliograph import service  # noqa: PLC0415

    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            # The broker's process goes with this one; what is not acknowledged comes back.
            os._exit(1)
        logging.getLogger(__name__).info("stopping; again to stop at once")
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    await service.serve(settings, stopping)
