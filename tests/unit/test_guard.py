"""Server-side request forgery: where a push endpoint may lead, and where it may not."""

import ipaddress

import pytest

from heliograph.gateways.guard import AddressRefused, Guard, HostUnknown

PUBLIC = Guard(allowed=())
LOOPBACK = Guard(allowed=(ipaddress.ip_network("127.0.0.0/8"),))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fc00::1",
        "fe80::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "localhost",
    ],
)
async def test_an_address_that_is_not_public_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        await PUBLIC.addresses_of(host, 443, plain=False)


@pytest.mark.parametrize("host", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
async def test_a_public_address_is_allowed(host: str) -> None:
    found = await PUBLIC.addresses_of(host, 443, plain=False)
    assert found == [ipaddress.ip_address(host)]


async def test_plain_http_is_refused_on_the_internet() -> None:
    with pytest.raises(AddressRefused):
        await PUBLIC.addresses_of("1.1.1.1", 80, plain=True)


async def test_an_allowed_network_may_be_reached_also_with_plain_http() -> None:
    for plain in (True, False):
        found = await LOOPBACK.addresses_of("127.0.0.9", 80, plain=plain)
        assert found == [ipaddress.ip_address("127.0.0.9")]


async def test_a_name_that_means_nothing_is_not_an_address() -> None:
    with pytest.raises(HostUnknown):
        await PUBLIC.addresses_of("no-such-host.invalid", 443, plain=False)
