"""Where a request comes from, also if a reverse proxy passed it on.

X-Forwarded-For is what anybody writes into it, but for what a trusted proxy appended; so it is read
from its end, as far as those who appended are trusted.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from starlette.requests import Request

from heliograph.api.state import api_of
from heliograph.gateways.guard import Network

_Address = IPv4Address | IPv6Address


def client_address(request: Request) -> str:
    """The client's IP address; empty if the connection is gone already."""
    if request.client is None:
        return ""
    forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
    return _original(request.client.host, forwarded.split(","), api_of(request).trusted_proxies)


def client_network(request: Request) -> str:
    """What one client can have all addresses of: for IPv6 a /64 network, for IPv4 the address."""
    text = client_address(request)
    address = _address(text)
    if not isinstance(address, IPv6Address):
        return text
    return str(IPv6Network((address.packed[:8] + bytes(8), 64)))


def _original(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The last address on the way that is not a trusted proxy's, or the first if all are."""
    nearest = peer
    for hop in (peer, *reversed(forwarded)):
        address = _address(hop)
        if address is None:
            # No address: what stands before it can't be believed either.
            break
        nearest = str(address)
        if not _is_in(address, trusted):
            break
    return nearest


def _address(text: str) -> _Address | None:
    """An address, in any of the ways proxies write one: with a port, or IPv4 within IPv6."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_in(address: _Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
