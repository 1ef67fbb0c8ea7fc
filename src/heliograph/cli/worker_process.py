"""A worker process of `heliograph serve --workers`, which starts it: not a command for people.

python -m heliograph.cli.worker_process NUMBER
"""

import logging
import sys

from heliograph.cli.running import run_until_signalled
from heliograph.model.errors import HeliographError
from heliograph.service import work_beside
from heliograph.worker_processes import received_orders

logger = logging.getLogger(__name__)


def main() -> None:
    """Do the work of the orders on the standard input."""
    orders = received_orders()
    try:
        run_until_signalled(
            orders.settings,
            lambda _, stopping: work_beside(orders, stopping),
            name=f"worker {sys.argv[1]}",
        )
    except HeliographError as error:
        logger.error("%s", error)  # noqa: TRY400
        sys.exit(2)


if __name__ == "__main__":
    main()
