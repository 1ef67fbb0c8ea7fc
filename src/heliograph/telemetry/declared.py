"""All figures there are, each declared once: the code that counts and docs/metrics.md follow.

Names by Prometheus' rules (https://prometheus.io/docs/practices/naming/): base units, `_total` for
what only grows. No label has values that anybody can make more of: no instance, user, publish or
path, for there may be thousands of instances. What became of one publish, its report tells. Each
figure has the label `process` besides: which of a server's processes it is of.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

_REQUEST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_GATEWAY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_MESSAGE_S = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_STORE_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
_CALL_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5)
_LAG_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A figure. buckets: of a histogram, upper bounds in seconds."""

    name: str
    kind: Kind
    about: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


BUILD_INFO = Declared(
    name="heliograph_build_info",
    kind="gauge",
    about="Always 1; the label says which version runs.",
    labels=("version",),
)
PROCESS_UP = Declared(
    name="heliograph_process_up",
    kind="gauge",
    about="1 for each process that has told its figures, 0 for a worker of --workers that has not.",
)
REQUESTS = Declared(
    name="heliograph_http_request_duration_seconds",
    kind="histogram",
    about="From an HTTP request to the end of its answer, by the route's template and the class of"
    " the status. The count is that of all requests. Browsers' preflights are not in it.",
    labels=("route", "method", "status"),
    buckets=_REQUEST_S,
)
REQUESTS_IN_FLIGHT = Declared(
    name="heliograph_http_requests_in_flight",
    kind="gauge",
    about="HTTP requests that are being answered.",
)
PUBLISHES = Declared(
    name="heliograph_publishes_total",
    kind="counter",
    about="Publishes that were accepted, or why not: invalid, unauthorized, not_found,"
    " rate_limited, unavailable, failed.",
    labels=("audience", "outcome"),
)
REPORTS = Declared(
    name="heliograph_reports_total",
    kind="counter",
    about="What devices reported, delivery or open: counted, or ignored since it was known, or is"
    " of no publish or device that is known.",
    labels=("event", "outcome"),
)
TARGETS = Declared(
    name="heliograph_targets_total",
    kind="counter",
    about="Targets by what became of them for good: delivered, removed, failed, untied, cancelled.",
    labels=("platform", "audience", "outcome"),
)
RETRIES = Declared(
    name="heliograph_retries_total",
    kind="counter",
    about="Targets that are tried once more.",
    labels=("platform", "audience"),
)
PUSHES = Declared(
    name="heliograph_gateway_push_duration_seconds",
    kind="histogram",
    about="From the hand-over of a message to the gateway's answer, by what that said: delivered,"
    " retry, drop, device_gone, host_lost, credential_refused; postponed was not sent, since the"
    " gateway had asked to wait; called_off was recalled or taken too long.",
    labels=("platform", "audience", "verdict"),
    buckets=_GATEWAY_S,
)
PUSHES_IN_FLIGHT = Declared(
    name="heliograph_gateway_pushes_in_flight",
    kind="gauge",
    about="Messages that a gateway has not answered yet.",
    labels=("platform", "audience"),
)
MESSAGES = Declared(
    name="heliograph_stream_message_duration_seconds",
    kind="histogram",
    about="How long workers had messages of the streams in hand, by how that ended: done, later"
    " (it comes back), failed (it comes back; the log says why), lost (to another worker). Of"
    " PUBLISH these are publishes, of SHARDS parts of large ones, of DELIVER-... batches.",
    labels=("stream", "outcome"),
    buckets=_MESSAGE_S,
)
STREAM_MESSAGES = Declared(
    name="heliograph_stream_messages",
    kind="gauge",
    about="Messages on a stream, waiting or in work. Asked of the broker, by servers alone.",
    labels=("stream",),
)
STREAM_BYTES = Declared(
    name="heliograph_stream_bytes",
    kind="gauge",
    about="What they take on the broker's disk. Asked of the broker, by servers alone.",
    labels=("stream",),
)
STREAM_AGE = Declared(
    name="heliograph_stream_oldest_message_age_seconds",
    kind="gauge",
    about="How long the oldest of them has been there; 0 without any. A batch with a target that is"
    " tried again stays for up to an hour. Asked of the broker, by servers alone.",
    labels=("stream",),
)
LANES_PAUSED = Declared(
    name="heliograph_lanes_paused",
    kind="gauge",
    about="Instances whose credential the platform's gateway refuses, so that nothing is sent."
    " Asked of the database, by servers alone.",
    labels=("platform",),
)
TRANSACTIONS = Declared(
    name="heliograph_store_transaction_duration_seconds",
    kind="histogram",
    about="From asking for a connection to the database to the end of the transaction.",
    labels=("kind",),
    buckets=_STORE_S,
)
CONFLICTS = Declared(
    name="heliograph_store_conflicts_total",
    kind="counter",
    about="Transactions that were done again, since another was in their way.",
)
STORE_AWAY = Declared(
    name="heliograph_store_unavailable_total",
    kind="counter",
    about="Transactions that were given up, since the database was away or busy.",
)
LAG = Declared(
    name="heliograph_event_loop_lag_seconds",
    kind="histogram",
    about="How much too late a process comes to what is due, looked at twice a second.",
    buckets=_LAG_S,
)
WEBHOOK_CALLS = Declared(
    name="heliograph_webhook_call_duration_seconds",
    kind="histogram",
    about="From the beginning of a call of a webhook to its receiver's answer, try by try: taken,"
    " or not_taken, which is tried again or kept as failed.",
    labels=("event", "outcome"),
    buckets=_CALL_S,
)

DECLARED = (
    BUILD_INFO,
    PROCESS_UP,
    REQUESTS,
    REQUESTS_IN_FLIGHT,
    PUBLISHES,
    TARGETS,
    RETRIES,
    PUSHES,
    PUSHES_IN_FLIGHT,
    REPORTS,
    MESSAGES,
    STREAM_MESSAGES,
    STREAM_BYTES,
    STREAM_AGE,
    LANES_PAUSED,
    WEBHOOK_CALLS,
    TRANSACTIONS,
    CONFLICTS,
    STORE_AWAY,
    LAG,
)
