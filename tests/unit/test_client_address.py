"""Where a request comes from: only trusted proxies are believed, and only what they appended."""

import ipaddress
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from heliograph.api.client_address import client_address

CLIENT, ATTACKER = "203.0.113.7", "198.51.100.9"
PROXIES = "10.0.0.0/8", "fd00::/8"


def came_from(peer: str, *forwarded: str, trusted: tuple[str, ...] = PROXIES) -> str:
    networks = tuple(ipaddress.ip_network(network) for network in trusted)
    app = Starlette()
    app.state.api = SimpleNamespace(trusted_proxies=networks)
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return client_address(
        Request({"type": "http", "app": app, "client": (peer, 1), "headers": headers})
    )


def test_without_a_proxy_it_is_the_peer() -> None:
    assert came_from(CLIENT) == CLIENT
    assert came_from("10.1.2.3") == "10.1.2.3"


def test_a_stranger_can_claim_nothing() -> None:
    assert came_from(ATTACKER, CLIENT) == ATTACKER
    assert came_from(ATTACKER, f"{CLIENT}, 10.0.0.1") == ATTACKER


def test_by_default_nobody_is_trusted() -> None:
    assert came_from("127.0.0.1", CLIENT, trusted=()) == "127.0.0.1"


def test_a_trusted_proxy_says_who_the_client_is() -> None:
    assert came_from("10.0.0.1", CLIENT) == CLIENT
    assert came_from("fd00::1", "2001:db8::7") == "2001:db8::7"


def test_what_a_client_wrote_before_the_proxy_is_not_believed() -> None:
    assert came_from("10.0.0.1", f"{CLIENT}, {ATTACKER}") == ATTACKER
    assert came_from("10.0.0.1", f"10.0.0.9,{ATTACKER}") == ATTACKER


def test_proxies_in_a_row_are_passed_over() -> None:
    assert came_from("10.0.0.1", f"{CLIENT}, 10.0.0.3, 10.0.0.2") == CLIENT


def test_several_headers_are_one_list() -> None:
    assert came_from("10.0.0.1", CLIENT, "10.0.0.2") == CLIENT
    assert came_from("10.0.0.1", CLIENT, ATTACKER) == ATTACKER


def test_a_request_that_a_proxy_made_itself_is_the_proxys() -> None:
    assert came_from("10.0.0.1") == "10.0.0.1"
    assert came_from("10.0.0.1", "10.0.0.3, 10.0.0.2") == "10.0.0.3"


@pytest.mark.parametrize("nonsense", ["", "unknown", "-", ",", "a.b.c.d", "1.2.3.4.5", "[::1"])
def test_nonsense_is_not_an_address_and_nothing_before_it_counts(nonsense: str) -> None:
    expected = "::1" if nonsense == "[::1" else "10.0.0.2"
    assert came_from("10.0.0.1", f"{CLIENT}, {nonsense}, 10.0.0.2") == expected


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (f"{CLIENT}:4711", CLIENT),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        (f"::ffff:{CLIENT}", CLIENT),
    ],
)
def test_one_client_has_one_address_however_it_is_written(written: str, meant: str) -> None:
    assert came_from("10.0.0.1", written) == meant


def test_a_proxy_is_known_by_its_ipv4_address_within_ipv6() -> None:
    assert came_from("::ffff:10.0.0.1", CLIENT) == CLIENT


def test_a_connection_that_is_gone_has_no_address() -> None:
    assert client_address(Request({"type": "http", "client": None, "headers": []})) == ""
