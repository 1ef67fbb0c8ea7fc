"""The values of settings, read from text: of a flag, a variable or a file.

Each raises ValueError with a reason that completes "NAME …".
"""

import base64
import binascii
import ipaddress
from dataclasses import dataclass
from datetime import timedelta

from heliograph.gateways.guard import Network
from heliograph.model.role import Role
from heliograph.store.sealed import MASTER_KEY_BYTES, MasterKey

_MAX_PORT = 65535
_MAX_RATE = 1_000_000
_MAX_DAYS = 3650
_MAX_REPLICAS = 5
"""What a NATS server allows."""
_MAX_WORKERS = 64
"""Far more than one machine's database has room for."""
_LOG_LEVELS = ("debug", "info", "warning", "error")
_LOG_FORMATS = ("text", "json")


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen, besides the API."""

    host: str
    port: int


def parse_port(text: str) -> int:
    port = int(text) if text.isdecimal() else -1
    if not 0 < port <= _MAX_PORT:
        raise ValueError(f"must be a number from 1 to {_MAX_PORT}")
    return port


def parse_seconds(text: str) -> timedelta:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= timedelta(days=1).total_seconds():
        raise ValueError("must be a number of seconds, at most a day")
    return timedelta(seconds=seconds)


def parse_rate(text: str) -> int:
    rate = int(text) if text.isdecimal() else -1
    if not 0 <= rate <= _MAX_RATE:
        raise ValueError(f"must be a number from 0 to {_MAX_RATE}")
    return rate


def parse_days(text: str, *, least: int = 1) -> int:
    days = int(text) if text.isdecimal() and len(text) <= len(str(_MAX_DAYS)) else -1
    if not least <= days <= _MAX_DAYS:
        raise ValueError(f"must be a number of days from {least} to {_MAX_DAYS}")
    return days


def parse_days_kept(text: str) -> int:
    """For how many days publishes are kept. Idempotency keys need them for one, and a backlog."""
    return parse_days(text, least=2)


def parse_networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"must be networks like 10.0.0.0/8,fd00::/8 ({error})") from error


def parse_contact(text: str) -> str:
    """A URI at which a push service finds the sender. Raises ValueError."""
    reaches = text.startswith("https://") or (text.startswith("mailto:") and "@" in text)
    if not reaches or not text.isprintable() or " " in text or "<" in text:
        raise ValueError("must be like mailto:ops@example.com or https://example.com/contact")
    return text


def parse_url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("must be like https://push.example.com")
    return text.rstrip("/")


def parse_master_key(text: str) -> MasterKey:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        raise ValueError(f"must be {MASTER_KEY_BYTES} bytes in base64: openssl rand -base64 32")
    return MasterKey(key)


def parse_replicas(text: str) -> int:
    replicas = int(text) if text.isdecimal() else -1
    if not 0 < replicas <= _MAX_REPLICAS:
        raise ValueError(f"must be a number from 1 to {_MAX_REPLICAS}")
    return replicas


def parse_roles(text: str) -> tuple[Role, ...]:
    names = {part.strip() for part in text.split(",")} - {""}
    if names <= {"none"}:
        return ()
    try:
        chosen = {Role(name) for name in names}
    except ValueError as error:
        raise ValueError(f"must be some of {','.join(Role)}, by comma, or none") from error
    return tuple(role for role in Role if role in chosen)


def parse_workers(text: str) -> int:
    workers = int(text) if text.isdecimal() else -1
    if not 0 <= workers <= _MAX_WORKERS:
        raise ValueError(f"must be a number from 0 to {_MAX_WORKERS}")
    return workers


def parse_log_level(text: str) -> str:
    if text.lower() not in _LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(_LOG_LEVELS)}")
    return text.lower()


def parse_log_format(text: str) -> str:
    if text.lower() not in _LOG_FORMATS:
        raise ValueError(f"must be one of {', '.join(_LOG_FORMATS)}")
    return text.lower()


def parse_listen_address(text: str) -> ListenAddress:
    """Host and port; an IPv6 address is in brackets. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not bare or (":" in bare) != (bare != host):
        raise ValueError("must be like 127.0.0.1:9400 or [::1]:9400")
    return ListenAddress(bare, parse_port(port))


def parse_collector(text: str) -> str:
    """The base URL of an OTLP collector. Raises ValueError that does not show it."""
    if "@" in text:
        raise ValueError("must hold no password: give that in OTEL_EXPORTER_OTLP_HEADERS")
    return parse_url(text)
