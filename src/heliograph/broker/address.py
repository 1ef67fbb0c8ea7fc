"""Where a NATS broker is, and what to say to be let in. Without the client: that loads slowly."""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

_SCHEMES = ("nats", "tls")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """The servers of one broker, as URLs without user and password. What is secret does not show.

    token: instead of user and password, where a broker is set up so.
    """

    servers: tuple[str, ...]
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return ", ".join(self.servers)


def parse_broker_address(text: str) -> BrokerAddress:
    """Read nats://user:password@a,b,c: what the first server has, others need not repeat.

    Servers that a broker tells of by itself are let in by the same user, so there is one for all.
    Raises ValueError, whose reason never holds what was given.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    scheme = parts[0].partition("://")[0] if parts and "://" in parts[0] else _SCHEMES[0]
    urls = [_split(part if "://" in part else f"{scheme}://{part}") for part in parts]
    if not urls:
        raise ValueError("must be like nats://a.example.com:4222,nats://b.example.com:4222")
    identities = {(url.username, url.password) for url in urls if url.username is not None}
    if len(identities) > 1:
        raise ValueError("must have the same user and password for all servers")
    servers = tuple(f"{url.scheme}://{url.netloc.rpartition('@')[2]}" for url in urls)
    name, password = identities.pop() if identities else (None, None)
    if password is None:
        return BrokerAddress(servers=servers, token=_decoded(name))
    return BrokerAddress(servers=servers, user=_decoded(name), password=_decoded(password))


def _split(server: str) -> SplitResult:
    try:
        url = urlsplit(server)
        is_right = url.scheme in _SCHEMES and url.hostname and url.port != 0
    except ValueError:
        # Its text may hold the password.
        is_right = False
    if not is_right or url.path.strip("/") or url.query or url.fragment:
        raise ValueError(
            "must be like nats://user:password@host:4222 or tls://host:4222, several by comma;"
            " of user and password, what is neither letter nor digit is written %XX"
        )
    return url


def _decoded(part: str | None) -> str | None:
    return None if part is None else unquote(part)
