"""Where pushes may go: addresses come from clients, and must not reach into our own network.

A host name is resolved and every address of it checked; the connection is then made to an address
that was checked, so that a name can't change its meaning in between (DNS rebinding).
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_RESOLVE_TIMEOUT_S = 5.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(Exception):
    """The host is, or may be, in a network that must not be reached. Never shown to clients."""


class HostUnknown(Exception):
    """The host name can't be resolved now."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Knows which addresses may be connected to: the public internet, and `allowed`."""

    allowed: Sequence[Network]
    """Networks besides the public internet; plain http is taken there, too."""

    async def addresses_of(self, host: str, port: int, *, plain: bool) -> list[Address]:
        """The addresses of the host, all of which may be connected to; at least one.

        Raises AddressRefused if any of them may not, HostUnknown.
        """
        addresses = await _resolve(host, port)
        for address in addresses:
            if not self._may_reach(address, plain=plain):
                raise AddressRefused(host)
        return addresses

    def _may_reach(self, address: Address, *, plain: bool) -> bool:
        if any(address in network for network in self.allowed):
            return True
        return not plain and all(_is_public(form) for form in _forms(address))


ANYWHERE = Guard((ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")))
"""For hosts that the operator chose, not a client."""


def _is_public(address: Address) -> bool:
    return address.is_global and not address.is_multicast


def _forms(address: Address) -> list[Address]:
    """The address and the IPv4 addresses that it stands for."""
    forms: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        embedded = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        forms += [form for form in embedded if form is not None]
        if address in _NAT64:
            forms.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return forms


async def _resolve(host: str, port: int) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_RESOLVE_TIMEOUT_S):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise HostUnknown(host) from error
    # A link-local IPv6 address carries its zone behind a percent sign.
    return [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]
