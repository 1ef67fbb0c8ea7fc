"""A push endpoint comes from a stranger: it must not lead into the operator's own network."""

from pathlib import Path

from tests.browsers import Browsers, hello, new_name
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import finished


def test_an_endpoint_in_a_network_that_is_not_allowed_is_never_called(
    tmp_path: Path, environment: dict[str, str], push_service: PushService
) -> None:
    closed = {**environment, "HELIOGRAPH_ALLOW_PRIVATE_ENDPOINTS": "10.0.0.0/8"}
    with Server.start(tmp_path / "data", environment=closed) as server:
        user = new_name("alice")
        browser = Browsers(push_service, server.instance).new(user=user)
        before = len(push_service.connections())
        reply = server.instance.publish.to_users([user], hello("inside"))
        report = finished(server, reply.json()["publishId"])
        assert (report["failed"], report["delivered"], report["removed"]) == (1, 0, 0)
        assert push_service.requests(browser.subscription) == []
        assert len(push_service.connections()) == before
