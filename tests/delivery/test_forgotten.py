"""A publish that is forgotten stays so: neither its message nor a repeat brings it back."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.browsers import Browsers, hello, new_name
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually, finished

KEY = {"Idempotency-Key": "once"}


def make_older(server: Server, publish_id: str, by: timedelta) -> None:
    """As if it had been accepted and finished so much earlier."""
    earlier = round((datetime.now(UTC) - by).timestamp() * 1000)
    older = "UPDATE publishes SET accepted_at = ?, finished_at = ? WHERE id = ?"
    with closing(sqlite3.connect(server.data / "heliograph.db")) as database, database:
        database.execute(older, (earlier, earlier, publish_id))


def test_a_repeat_of_a_publish_that_is_forgotten_sends_nothing(
    tmp_path: Path, environment: dict[str, str], push_service: PushService
) -> None:
    kept = {**environment, "HELIOGRAPH_PUBLISH_RETENTION": "2"}
    with Server.start(tmp_path / "data", environment=kept) as server:
        publish = server.instance.publish
        user, browsers = new_name("alice"), Browsers(push_service, server.instance)
        browser = browsers.new(user=user)
        body = {"users": [user], **hello("once")}
        publish_id = publish.send("publishes/users", body, headers=KEY).json()["publishId"]
        finished(server, publish_id)
        make_older(server, publish_id, timedelta(days=3))
        server.restart()
        eventually(lambda: server.instance.admin.publish(publish_id).status == 404)
        # The stream, which was started anew, takes the repeat for another message.
        for _ in range(2):
            again = publish.send("publishes/users", body, headers=KEY)
            assert again.json()["publishId"] == publish_id
        other = publish.to_users([user], hello("other")).json()["publishId"]
        finished(server, other)
        assert browser.titles() == ["once", "other"]
        assert server.instance.admin.publish(publish_id).status == 404


def test_a_time_that_is_too_short_is_refused(own_server: Server) -> None:
    refused = own_server.cli("serve", "--publish-retention", "1")
    assert refused.returncode == 2
    assert "must be a number of days from 2" in refused.stderr
