"""The origin of a push endpoint: what a connection, a signature and a pause are of."""

import pytest

from heliograph.gateways.http2 import origin_of


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://push.example/send/1", "https://push.example"),
        ("https://push.example/send/1?to=https://other.example/", "https://push.example"),
        ("https://push.example?to=https://other.example/", "https://push.example"),
        ("https://push.example", "https://push.example"),
        ("https://push.example:443/send/1", "https://push.example"),
        ("https://push.example:8443/send/1", "https://push.example:8443"),
        ("https://PUSH.example/send/1", "https://push.example"),
        ("http://push.example:80/send/1", "http://push.example"),
        ("http://p/send/1", "http://p"),
        ("https://p/send/1", "https://p"),
        ("https://[2001:db8::1]:443/send/1", "https://[2001:db8::1]"),
        ("https://[2001:db8::1]:8443/send/1", "https://[2001:db8::1]:8443"),
    ],
)
def test_the_origin_is_scheme_host_and_a_port_of_its_own(url: str, origin: str) -> None:
    assert origin_of(url) == origin
