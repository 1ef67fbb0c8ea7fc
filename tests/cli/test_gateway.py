"""heliograph gateway: what is set is checked first, and its secrets stay hidden."""

import json
from pathlib import Path

import pytest

from tests.apns_service import BUNDLE, ApnsService
from tests.fcm_service import FcmService
from tests.server import Server


def refused(server: Server, *arguments: str) -> str:
    """Run a command that must be refused; what it complains of."""
    ran = server.cli("gateway", "set", *arguments, "--instance", server.instance_id)
    assert ran.returncode in {1, 2}, ran.stdout
    assert "Traceback" not in ran.stderr
    assert "PRIVATE" not in ran.stderr
    return ran.stderr


def shown(server: Server) -> dict[str, dict[str, object]]:
    found = json.loads(server.cli("gateway", "show", "--json").stdout)
    return {one["platform"]: one for one in found}


def test_a_certificate_is_shown_with_its_topics_and_its_end_and_can_be_removed(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    certificate = apns_service.new_certificate()
    (tmp_path / "push.pem").write_bytes(certificate.pem)
    ran = own_server.cli("gateway", "set", "apns", "--cert-file", str(tmp_path / "push.pem"))
    assert ran.returncode == 0, ran.stderr
    found = shown(own_server)["apns"]
    assert found["credential"] == f"certificate for {BUNDLE}, {BUNDLE}.voip, production"
    assert found["expiresAt"] is not None
    assert own_server.cli("gateway", "remove", "apns").returncode == 0
    assert "apns" not in shown(own_server)
    assert own_server.cli("gateway", "remove", "apns").returncode == 1


def test_a_certificate_that_can_not_work_is_refused_when_it_is_set(
    own_server: Server, apns_service: ApnsService, tmp_path: Path
) -> None:
    file, password = tmp_path / "push", tmp_path / "password"
    certificate = apns_service.new_certificate()
    file.write_bytes(apns_service.new_certificate(days=-1).pem)
    assert "ended on" in refused(own_server, "apns", "--cert-file", str(file))
    file.write_bytes(certificate.p12)
    password.write_text("wrong")
    arguments = ["apns", "--cert-file", str(file), "--password-file", str(password)]
    assert "password" in refused(own_server, *arguments)
    file.write_bytes(b"-----BEGIN NOTHING-----")
    assert "certificate" in refused(own_server, "apns", "--cert-file", str(file))
    assert "apns" not in shown(own_server)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"--key-id": "short"}, "key-id"),
        ({"--team-id": "lowercase1"}, "team-id"),
        ({"--bundle-id": "no bundle"}, "bundle-id"),
        ({"--bundle-id": None}, "--bundle-id"),
        ({"--key-file": None}, "--key-file"),
    ],
)
def test_a_key_needs_what_apples_site_says_beside_it(
    server: Server,
    apns_service: ApnsService,
    tmp_path: Path,
    changed: dict[str, str | None],
    complaint: str,
) -> None:
    key, file = apns_service.new_key(), tmp_path / "AuthKey.p8"
    file.write_text(key.private_pem)
    options: dict[str, str | None] = {
        "--key-file": str(file),
        "--key-id": key.key_id,
        "--team-id": key.team_id,
        "--bundle-id": BUNDLE,
        **changed,
    }
    arguments = [text for name, value in options.items() if value for text in (name, value)]
    assert complaint in refused(server, "apns", *arguments)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"token_uri": "https://evil.example/token"}, "token_uri"),
        ({"type": "authorized_user"}, "service_account"),
        ({"private_key": "none"}, "private key"),
        ({"project_id": "../other"}, "project_id"),
        ({"client_email": None}, "client_email"),
    ],
)
def test_a_service_account_must_be_one_and_may_not_say_where_its_proof_is_sent(
    server: Server,
    fcm_service: FcmService,
    tmp_path: Path,
    changed: dict[str, str | None],
    complaint: str,
) -> None:
    file = tmp_path / "service-account.json"
    file.write_text(json.dumps({**fcm_service.new_account(), **changed}))
    assert complaint in refused(server, "fcm", "--service-account", str(file))


def test_a_subject_that_push_services_refuse_is_refused(server: Server) -> None:
    assert "mailto:" in refused(server, "web", "--subject", "ops@example.com")
    assert "--new-key" in refused(server, "web")
