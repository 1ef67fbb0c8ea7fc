"""Devices come along from a file, and go into one, while a server runs beside."""

import json
import signal
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.browsers import Browser, hello, new_name
from tests.client import Instance
from tests.push_service import PushService
from tests.push_tokens import PLATFORMS, new_push_token, new_web_subscription
from tests.server import HELIOGRAPH, Server
from tests.waiting import eventually, finished

Line = dict[str, Any]


@pytest.fixture
def instance(server: Server) -> Instance:
    return server.create_instance("moved")


def fcm_line(**more: object) -> Line:
    return {"platform": "fcm", "token": new_push_token("fcm"), **more}


def file_of(tmp_path: Path, lines: Iterable[Mapping[str, Any] | str]) -> Path:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path = tmp_path / f"{uuid4()}.jsonl"
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def read(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def imported(server: Server, instance: Instance, file: Path, *options: str) -> dict[str, Any]:
    """Import a file of which no line is refused; the report."""
    arguments = ("import", str(file), "--instance", instance.id, *options)
    return dict(server.json_of(*arguments))


def refused(server: Server, instance: Instance, file: Path, *options: str) -> dict[str, Any]:
    """Import a file of which a line is refused, which the exit code says; the report."""
    ran = server.cli("import", str(file), "--instance", instance.id, "--json", *options)
    assert ran.returncode == 1, ran.stderr
    return dict(json.loads(ran.stdout))


def exported(server: Server, instance: Instance) -> list[Line]:
    ran = server.cli("export", "-", "--instance", instance.id)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_an_imported_browser_gets_what_is_published_to_its_user(
    server: Server, instance: Instance, push_service: PushService, tmp_path: Path
) -> None:
    user, device_id = new_name("alice"), f"web-{uuid4()}"
    key = instance.devices.get_vapid_public_key().json()["vapidPublicKey"]
    subscription = push_service.subscribe(key)
    line = {"platform": "web", "token": subscription.as_json(), "id": device_id, "userId": user}
    imported(server, instance, file_of(tmp_path, [line]))
    browser = Browser(
        instance=instance,
        push_service=push_service,
        device_id=device_id,
        subscription=subscription,
    )
    assert instance.devices.put_user(device_id, instance.token(user)).status == 200
    publish_id = instance.publish.to_users([user], hello("along")).json()["publishId"]
    assert finished(server, publish_id)["delivered"] == 1
    assert browser.titles() == ["along"]


def test_what_is_exported_and_imported_is_the_same_on_every_platform(
    server: Server, tmp_path: Path
) -> None:
    private_key = tmp_path / "vapid.pem"
    private_key.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )
    old, new = server.create_instance("old"), server.create_instance("new")
    for one in (old, new):
        keys = ("--private-key", str(private_key), "--instance", one.id)
        assert server.cli("gateway", "set", "web", *keys).returncode == 0
    # Browsers that came along keep the key they subscribed with, also where it isn't the newest.
    newer_key = ("gateway", "set", "web", "--new-key", "--instance", new.id)
    assert server.cli(*newer_key).returncode == 0
    for platform in PLATFORMS:
        old.device_of("żółw 🐢", platform)
        device_id = old.devices.new(platform)
        names = [f"interest-{number}" for number in range(150)]
        assert old.devices.put_interests(device_id, names).status == 200
        assert old.devices.put_metadata(device_id, {"sdkVersion": "1", "é": [1]}).status == 200
    before = exported(server, old)
    imported(server, new, file_of(tmp_path, before))
    assert exported(server, new) == before
    assert len(before) == 2 * len(PLATFORMS)
    assert {line["platform"] for line in before if "vapidPublicKey" in line} == {"web"}
    assert max(len(line["interests"]) for line in before) == 150


def test_an_export_is_its_owners_alone(server: Server, instance: Instance, tmp_path: Path) -> None:
    instance.devices.new("fcm")
    file = tmp_path / "devices.jsonl"
    assert server.cli("export", str(file), "--instance", instance.id).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]
    assert read(file) == exported(server, instance)


def test_a_line_that_says_nothing_but_the_token_makes_a_device(
    server: Server, instance: Instance
) -> None:
    lines = [{"platform": platform, "token": new_push_token(platform)} for platform in PLATFORMS]
    arguments = ("import", "-", "--instance", instance.id)
    text = "\n".join(json.dumps(line) for line in lines)
    report = server.json_of(*arguments, stdin=f"\n{text}")
    assert report == {"lines": 4, "imported": 3, "refused": 0, "reasons": {}}
    for line in exported(server, instance):
        assert line["id"].startswith(f"{line['platform']}-")
        assert line["interests"] == []
        # So early that a gateway's word that the device is gone is believed.
        assert line["registeredAt"] == "1970-01-01T00:00:00Z"


def test_bad_lines_are_refused_and_the_others_go_on(
    server: Server, instance: Instance, tmp_path: Path
) -> None:
    good, subscription = [fcm_line() for _ in range(3)], new_web_subscription()
    foreign = {"platform": "web", "token": subscription, "vapidPublicKey": "BA"}
    too_long = fcm_line(metadata={"a": "x" * 1024 * 1024})
    lines: list[Line | str] = [
        good[0],
        "{",
        good[1],
        too_long,
        foreign,
        fcm_line(userId=""),
        good[2],
    ]
    report = refused(server, instance, file_of(tmp_path, lines))
    assert (report["lines"], report["imported"], report["refused"]) == (7, 3, 4)
    said = {counts["firstLine"]: reason for reason, counts in report["reasons"].items()}
    assert said[2] == "the line is not JSON"
    assert said[4] == "the line is longer than 1048576 bytes"
    assert said[5].startswith("vapidPublicKey: the instance does not have this key")
    assert said[6].startswith("userId: ")
    assert {line["token"] for line in exported(server, instance)} == {one["token"] for one in good}


def test_the_reasons_are_told_by_number(server: Server, instance: Instance, tmp_path: Path) -> None:
    bad = [fcm_line(interests=["a"] * number + ["a:b"]) for number in range(3)]
    file = file_of(tmp_path, [fcm_line(), *bad, fcm_line(shoe=1)])
    ran = server.cli("import", str(file), "--instance", instance.id)
    assert ran.returncode == 1
    assert ran.stdout == "Imported 1 devices; 4 lines were refused.\n"
    first, second = ran.stderr.splitlines()
    assert first.startswith("3 x interests: Does not match pattern")
    assert first.endswith("(first: line 2)")
    assert second == "1 x Object contains unknown field `shoe` (first: line 5)"


def test_refused_lines_can_be_mended_and_imported(
    server: Server, instance: Instance, tmp_path: Path
) -> None:
    good, bad = fcm_line(), fcm_line(userId="a" * 165)
    refused_file = tmp_path / "refused.jsonl"
    file = file_of(tmp_path, [good, bad, "nonsense"])
    refused(server, instance, file, "--refused", str(refused_file))
    assert refused_file.stat().st_mode & 0o777 == 0o600
    to_mend, nonsense = read(refused_file)
    length = "userId: String length must be less than or equal to 164"
    assert to_mend == {**bad, "refused": {"line": 2, "reason": length}}
    assert nonsense == {
        "text": "nonsense",
        "refused": {"line": 3, "reason": "the line is not JSON"},
    }
    imported(server, instance, file_of(tmp_path, [{**to_mend, "userId": "alice"}]))
    found = {line["token"]: line.get("userId") for line in exported(server, instance)}
    assert found == {good["token"]: None, bad["token"]: "alice"}


def test_the_imported_file_is_not_overwritten_by_refused_lines(
    server: Server, instance: Instance, tmp_path: Path
) -> None:
    file = file_of(tmp_path, ["nonsense"])
    arguments = ("import", str(file), "--instance", instance.id, "--refused", str(file))
    assert server.cli(*arguments).returncode == 2
    assert file.read_text() == "nonsense\n"


def test_a_killed_import_goes_on_where_it_was_and_the_server_registers_meanwhile(
    own_server: Server, tmp_path: Path
) -> None:
    instance = own_server.instance
    lines: list[Line | str] = [fcm_line(id=f"fcm-{uuid4()}") for _ in range(10_000)]
    bad = range(0, len(lines), 400)
    for number in bad:
        lines[number] = "nonsense"
    file, refused_file = file_of(tmp_path, lines), tmp_path / "refused.jsonl"
    command = ["import", str(file), "--refused", str(refused_file), "--instance", instance.id]
    importing = subprocess.Popen([HELIOGRAPH, *command, "--data", str(own_server.data)])
    first, last = (str(line["id"]) for line in (lines[1], lines[-1]) if isinstance(line, dict))
    eventually(lambda: instance.devices.get(first).status == 200)
    along = instance.device_of("alice", "fcm")
    importing.send_signal(signal.SIGKILL)
    importing.wait()
    assert instance.devices.get(last).status == 404
    assert instance.devices.delete(first).status == 200

    report = refused(own_server, instance, file, "--refused", str(refused_file))
    assert report["lines"] == len(lines)
    assert (report["imported"], report["refused"]) == (len(lines) - len(bad), len(bad))
    assert [one["refused"]["line"] for one in read(refused_file)] == [at + 1 for at in bad]
    wanted = {line["id"] for line in lines if isinstance(line, dict)}
    # What was stopped after it had been imported is not brought back.
    assert {line["id"] for line in exported(own_server, instance)} == wanted - {first} | {along}

    # Now that it is done, it would begin anew.
    refused(own_server, instance, file)
    assert instance.devices.get(first).status == 200
