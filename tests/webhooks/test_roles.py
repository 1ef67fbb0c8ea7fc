"""Calls are the work of a role, in whatever process has it."""

from pathlib import Path

from tests.browsers import hello, new_name
from tests.receiver import Receiver
from tests.server import Server
from tests.waiting import finished
from tests.webhooks.conftest import SECRET


def test_calls_wait_for_a_process_that_has_the_role(
    tmp_path: Path, environment: dict[str, str], receiver: Receiver
) -> None:
    without = {**environment, "HELIOGRAPH_ROLES": "fanout,deliver"}
    with Server.start(tmp_path / "data", environment=without) as server:
        options = ["--events", "attempt", "--secret", SECRET]
        server.json_of("webhook", "add", "--url", receiver.url, *options)
        reply = server.instance.publish.to_users([new_name("nobody")], hello("hello"))
        publish_id = reply.json()["publishId"]
        finished(server, publish_id)
        assert receiver.received() == []
    beside = {**environment, "HELIOGRAPH_WORKERS": "2", "HELIOGRAPH_ROLES": "webhook"}
    with Server.start(tmp_path / "data", environment=beside):
        [call] = receiver.calls(within_s=30)
        assert call.payload["publish_id"] == publish_id
