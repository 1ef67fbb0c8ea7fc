"""The command line: what scripts depend on, and what people are told."""

import json
from pathlib import Path

import pytest

from tests.browsers import Browsers, new_name
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually


@pytest.fixture
def browsers(push_service: PushService, server: Server) -> Browsers:
    return Browsers(push_service, server.create_instance("commands"))


def test_an_instance_is_made_listed_shown_and_deleted(server: Server) -> None:
    made = server.json_of("instance", "create", "shop")
    assert set(made) == {"instanceId", "name", "secretKey"}
    assert len(made["secretKey"]) == 64
    listed = server.json_of("instance", "list")
    assert (made["instanceId"], "shop") in [(one["instanceId"], one["name"]) for one in listed]
    shown = server.cli("instance", "show", made["instanceId"])
    assert shown.returncode == 0
    assert made["secretKey"] not in shown.stdout
    assert server.cli("instance", "delete", made["instanceId"], "--yes").returncode == 0
    gone = server.cli("instance", "show", made["instanceId"])
    assert (gone.returncode, gone.stderr) == (1, "Error: no such instance\n")


def test_an_id_and_a_key_can_be_brought_along(server: Server) -> None:
    wanted, key = "8F9A6E22-2483-49AA-8552-125F1A4C5781", "F" * 64
    options = ("--id", wanted, "--secret-key", "-")
    made = server.json_of("instance", "create", "moved", *options, stdin=f"{key}\n")
    assert made["instanceId"] == wanted.lower()
    instance = type(server.instance)(server.client, wanted, key)
    assert instance.publish.to_users(["nobody"]).status == 200
    again = server.cli("instance", "create", "moved", *options, stdin=key)
    assert again.returncode == 1
    assert "already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("instance", "create", "x", "--id", "shop"), "UUID"),
        (("instance", "create", "x", "--secret-key", "short"), "32 to 256"),
        (("instance", "delete", "nonsense", "--yes"), "UUID"),
        (("token", "a" * 165), "164"),
        (("device", "show", "nonsense"), "web-"),
        (("publish", "users", "alice"), "--title"),
        (("publish", "users", "--title", "x"), "USER"),
        (("publish", "users", "alice", "--payload", "no-such-file"), "no-such-file"),
        (("serve", "--port", "0"), "--port must be a number"),
        (("serve", "--contact", "me"), "--contact must be like mailto:"),
        (("nonsense",), "No such command"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_is_wrong(
    server: Server, arguments: tuple[str, ...], words: str
) -> None:
    refused = server.cli(*arguments)
    assert refused.returncode == 2
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("command", ["device list", "token alice", "publish users a --title t"])
def test_without_data_a_command_says_where_it_looked(
    server: Server, tmp_path: Path, command: str
) -> None:
    refused = server.cli(*command.split(), "--data", str(tmp_path / "nothing"))
    assert refused.returncode == 2
    assert "heliograph serve" in refused.stderr
    assert not (tmp_path / "nothing").exists()


def test_a_token_ties_a_device_to_its_user(server: Server, browsers: Browsers) -> None:
    user = new_name("żółw/100% 🐢")
    instance = browsers.instance
    token = server.json_of("token", user, "--instance", instance.id)["token"]
    device = browsers.new()
    assert instance.devices.put_user(device.device_id, token).status == 200
    shown = server.json_of("user", "show", user, "--instance", instance.id)
    assert shown == {"userId": user, "devices": [{"id": device.device_id, "platform": "web"}]}


def test_a_publish_goes_out_and_its_report_tells_of_it(server: Server, browsers: Browsers) -> None:
    user, interest = new_name("alice"), new_name("news")
    device = browsers.new(user=user, interests=(interest,))
    chosen = ("--instance", browsers.instance.id)
    sent = server.cli("publish", "users", user, "--title", "Hello", "--body", "You", *chosen)
    publish_id = sent.stdout.strip()
    assert publish_id.startswith("pubid-")
    payload = json.dumps({"web": {"notification": {"title": "Again"}}})
    again = ("publish", "interests", interest, "--payload", "-", *chosen)
    assert server.json_of(*again, stdin=payload)["publishId"].startswith("pubid-")
    eventually(lambda: len(device.received()) == 2)
    assert set(device.titles()) == {"Hello", "Again"}
    shown = eventually(lambda: server.json_of("publish", "show", publish_id)["platforms"])
    assert set(shown["web"]) >= {"targets", "delivered", "failed", "removed", "acknowledged"}
    assert "delivered" in server.cli("publish", "show", publish_id).stdout.lower()
    assert server.cli("publish", "show", "pubid-nonsense").returncode == 1
    assert server.json_of("publish", "show", publish_id, *chosen)["publishId"] == publish_id
    other = ("--instance", server.instance.id)
    assert server.cli("publish", "show", publish_id, *other).returncode == 1


def test_what_the_server_refuses_is_said(server: Server, browsers: Browsers) -> None:
    refused = server.cli(
        "publish", "interests", "a:b", "--title", "x", "--instance", browsers.instance.id
    )
    assert refused.returncode == 1
    assert "Does not match pattern" in refused.stderr


def test_devices_are_listed_shown_and_deleted(server: Server, browsers: Browsers) -> None:
    user = new_name("alice")
    chosen = ("--instance", browsers.instance.id)
    made = sorted(browsers.new(user=user, interests=("news",)).device_id for _ in range(3))
    listed = server.json_of("device", "list", "--user", user, *chosen)
    assert [device["id"] for device in listed] == made
    page = server.json_of("device", "list", "--limit", "2", *chosen)
    behind = server.json_of("device", "list", "--after", page[1]["id"], *chosen)
    assert [device["id"] for device in page + behind] == made
    shown = server.json_of("device", "show", made[0], *chosen)
    assert (shown["userId"], shown["interests"]) == (user, ["news"])
    assert "endpoint" not in json.dumps(shown)
    assert server.cli("device", "delete", made[0], *chosen).returncode == 0
    assert server.cli("device", "delete", made[0], *chosen).returncode == 1
    assert browsers.instance.devices.get(made[0]).status == 404
    deleted = server.json_of("user", "delete", user, *chosen)
    assert deleted == {"userId": user, "devicesRemoved": 2}


@pytest.mark.parametrize(
    "command",
    [
        "",
        "serve",
        "worker",
        "instance",
        "instance create",
        "token",
        "publish users",
        "user",
        "device list",
    ],
)
def test_help_teaches(server: Server, command: str) -> None:
    shown = server.cli(*command.split(), "--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith("Usage: heliograph")


def test_a_port_that_is_taken_is_told(server: Server, tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    refused = server.cli("serve", "--port", str(server.port), *data)
    assert refused.returncode == 2
    assert "Choose another with --port" in refused.stderr


def test_an_authority_that_is_none_is_told(server: Server, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("no certificate")
    data = ("--data", str(tmp_path / "data"))
    refused = server.cli("serve", "--port", "1", "--gateway-ca", str(authority), *data)
    assert refused.returncode == 2
    assert "--gateway-ca" in refused.stderr


def test_the_secrets_of_a_data_directory_are_its_owners_alone(server: Server) -> None:
    assert server.data.stat().st_mode & 0o777 == 0o700
    for name in ("credentials.json", "master.key", "lock"):
        assert (server.data / name).stat().st_mode & 0o777 == 0o600
    database = (server.data / "heliograph.db").read_bytes()
    log = (server.data / "heliograph.db-wal").read_bytes()
    assert server.secret_key.encode() not in database + log
    assert server.secret_key not in server.log.read_text()
