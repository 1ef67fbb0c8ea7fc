"""Server SDKs that can't be run here send what their sources say; the rest is as with the others.

What the server makes of it is in test_server_sdks.py, beside the SDKs that are run.
"""

import json

import pytest

from tests.browsers import hello
from tests.client import Instance
from tests.compatibility import Compatibility
from tests.peers.replayed_sdks import GO, PHP, RUBY, SWIFT, ReplayedSdk
from tests.server import Server

AWKWARD = "a b+c/d%e@f;ż~*"


@pytest.mark.parametrize(
    ("sdk", "in_path"),
    [
        (GO, "a%20b+c%2Fd%25e@f%3B%C5%BC~%2A"),
        (PHP, "a+b%2Bc%2Fd%25e%40f%3B%C5%BC%7E%2A"),
        (RUBY, "a+b%2Bc%2Fd%25e%40f%3B%C5%BC~%2A"),
        (SWIFT, "a%20b+c/d%25e@f%3B%C5%BC~*"),
    ],
)
def test_a_user_id_is_escaped_as_the_sdk_does(sdk: ReplayedSdk, in_path: str) -> None:
    assert sdk.user_in_path(AWKWARD) == in_path


@pytest.mark.parametrize(
    ("sdk", "written"),
    [
        (GO, '{"a":["\\u003c/ż"]}'),
        (PHP, '{"a":["<\\/\\u017c"]}'),
        (RUBY, '{"a":["</ż"]}'),
        (SWIFT, '{"a":["<\\/ż"]}'),
    ],
)
def test_a_body_is_written_as_the_sdk_does(sdk: ReplayedSdk, written: str) -> None:
    body = {"a": ["</ż"]}
    assert sdk.written(body) == written.encode()
    assert json.loads(sdk.written(body)) == body


def test_go_sends_the_recipients_of_an_earlier_publish_again(
    server: Server, compatibility: Compatibility
) -> None:
    """It adds them to the app's own map, which an app may publish twice."""
    both = {**hello("Hello"), "interests": ["news"], "users": ["alice"]}
    instance: Instance = server.instance
    with compatibility(GO.title, GO.version, "publish one map to interests and then to users"):
        for path in ("publishes", "publishes/users"):
            assert GO.publish(instance, path, both).returned()["publishId"]
