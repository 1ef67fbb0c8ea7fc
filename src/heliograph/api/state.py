"""What the doors are given: the works that they call, and nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from starlette.requests import Request

from heliograph.api.rate import Rates
from heliograph.broker.live import Listening
from heliograph.broker.streams import Streams
from heliograph.delivery.accept import Accept
from heliograph.delivery.recall import Recall
from heliograph.delivery.reported import Reported
from heliograph.gateways.guard import Network
from heliograph.model.live import Tell
from heliograph.store.engine import Store
from heliograph.telemetry.watch import UNWATCHED, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The parts that the API calls."""

    store: Store
    streams: Streams
    accept: Accept
    check_workers: Callable[[], None]
    """Raises Unavailable while all workers that belong to this server are away."""
    recall: Recall
    reported: Reported
    tell: Tell
    live: Listening
    rates: Rates
    own_url: str
    """This server's base URL: accepted as issuer of Beams tokens."""
    trusted_proxies: Sequence[Network]
    """Networks of reverse proxies whose X-Forwarded-For is believed."""
    now: Callable[[], datetime]
    watch: Watch = UNWATCHED


def api_of(request: Request) -> Api:
    return cast("Api", request.app.state.api)
