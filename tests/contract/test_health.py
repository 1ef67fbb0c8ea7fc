"""The process says that it lives and that it is ready, keeps what it was told, and ends cleanly."""

import stat
from pathlib import Path

from tests.contract.answers import assert_done, document
from tests.push_tokens import PLATFORMS
from tests.server import Server


def test_a_running_server_is_healthy_and_ready(server: Server) -> None:
    for path in ("/health", "/ready"):
        assert server.client.request("GET", path).status == 200
        assert server.client.request("GET", path, headers={"Host": "elsewhere"}).status == 200


def test_only_its_owner_can_read_the_credentials(server: Server) -> None:
    mode = (server.data / "credentials.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_stop_is_clean_and_a_restart_remembers(tmp_path: Path) -> None:
    with Server.start(tmp_path / "data") as server:
        app = server.instance
        device_ids = [app.device_of("alice", platform) for platform in PLATFORMS]
        for device_id in device_ids:
            assert_done(app.devices.put_interests(device_id, ["news"]))
        vapid_key = document(app.devices.get_vapid_public_key())

        assert server.stop() == 0
        server.restart()

        assert (server.instance_id, server.secret_key) == (app.id, app.secret_key)
        assert document(app.devices.get_vapid_public_key()) == vapid_key
        for device_id in device_ids:
            assert document(app.devices.get(device_id))["userId"] == "alice"
            assert app.devices.all_interests(device_id) == ["news"]


def test_what_was_answered_with_success_survives_a_kill(tmp_path: Path) -> None:
    with Server.start(tmp_path / "data") as server:
        app = server.instance
        stopped, kept = (app.device_of("alice") for _ in range(2))
        assert_done(app.devices.post_interest(kept, "news"))
        assert_done(app.devices.delete(stopped))

        server.kill()
        server.restart()

        assert app.devices.get(stopped).status == 404
        assert document(app.devices.get(kept))["userId"] == "alice"
        assert app.devices.all_interests(kept) == ["news"]
        assert document(app.publish.to_users(["alice"]))["publishId"]
