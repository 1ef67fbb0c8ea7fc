"""heliograph doctor says what is wrong, and how to mend it."""

import json
from pathlib import Path
from typing import Any

from tests.apns_service import ApnsService
from tests.fcm_service import FcmService
from tests.phones import set_apns_key, set_service_account
from tests.server import Server


def findings(server: Server, *, code: int) -> dict[str, dict[str, Any]]:
    """What it finds, part by part."""
    ran = server.cli("doctor", "--json")
    assert ran.returncode == code, ran.stdout + ran.stderr
    return {one["part"]: one for one in json.loads(ran.stdout)}


def test_a_sound_set_up_needs_no_remedy(
    own_server: Server, apns_service: ApnsService, fcm_service: FcmService, tmp_path: Path
) -> None:
    set_apns_key(own_server, apns_service, tmp_path)
    set_service_account(own_server, fcm_service, tmp_path)
    found = findings(own_server, code=0)
    assert [one["remedy"] for one in found.values()] == [None] * len(found)
    parts = {"data", "disk", "server", "store", "master key", "clock"}
    assert found.keys() == parts | {f"{one} of default" for one in ("apns", "fcm", "web")}
    apns_service.clear_refusals()  # the check sends to a device that can't be


def test_a_refused_credential_is_named_with_its_remedy(
    own_server: Server, fcm_service: FcmService, tmp_path: Path
) -> None:
    account = set_service_account(own_server, fcm_service, tmp_path)
    fcm_service.delete_account(account["client_email"])
    found = findings(own_server, code=1)["fcm of default"]
    assert "invalid_grant" in found["found"]
    assert f"gateway set fcm --instance {own_server.instance_id}" in found["remedy"]
    fcm_service.clear_refusals()


def test_a_clock_that_is_wrong_is_found(
    own_server: Server, fcm_service: FcmService, tmp_path: Path
) -> None:
    set_service_account(own_server, fcm_service, tmp_path)
    fcm_service.set_clock_ahead(3600)
    found = findings(own_server, code=1)["clock"]
    assert found["found"].endswith("seconds from Google's")
    assert "NTP" in found["remedy"]


def test_a_server_that_does_not_run_and_a_directory_that_is_open_to_all_are_found(
    own_server: Server,
) -> None:
    own_server.stop()
    own_server.data.chmod(0o755)
    found = findings(own_server, code=1)
    assert found["server"]["remedy"] == "Start it: heliograph serve"
    assert found["data"]["remedy"] == f"chmod 700 {own_server.data}"
    text = own_server.cli("doctor").stdout
    assert "!!  server: none runs on this data" in text


def test_a_lost_master_key_is_found(own_server: Server) -> None:
    own_server.stop()
    (own_server.data / "master.key").unlink()
    found = findings(own_server, code=1)
    assert "master" in found["store"]["found"]
    assert found["store"]["remedy"]


def test_where_nothing_is_it_says_so(tmp_path: Path) -> None:
    server = Server(tmp_path / "nothing", port=1, environment={}, certificate=None)
    found = findings(server, code=1)
    assert found.keys() == {"data"}
    assert not (tmp_path / "nothing").exists()
