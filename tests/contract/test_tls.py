"""TLS in the server itself: refused if it can't work, renewed without a restart, used by all."""

import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tests.certificates import ServerCertificate
from tests.client import HELLO
from tests.processes import free_port
from tests.server import Server
from tests.waiting import eventually

TIMEOUT_S = 30
IDLE_CLIENTS_MAY_DELAY_A_STOP_S = 15


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ServerCertificate:
    return ServerCertificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def tls_server(
    certificate: ServerCertificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("tls_server") / "data"
    # A command on the same machine goes through no proxy: nobody is there.
    environment = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    with Server.start(data, environment=environment, certificate=certificate) as running:
        yield running


@pytest.fixture
def unstarted(tmp_path: Path) -> "Unstarted":
    return Unstarted(tmp_path)


class Unstarted:
    """A server that is not to start. certificate: changed by the test."""

    def __init__(self, directory: Path) -> None:
        self.certificate = ServerCertificate(directory / "tls")
        self._server = Server(
            directory / "data", port=free_port(), environment={}, certificate=self.certificate
        )

    def refusal(self, *flags: str) -> str:
        """What it says when it is started with these flags, or those of the certificate."""
        port = ("--port", str(self._server.port))
        refused = self._server.cli("serve", *port, *(flags or self.certificate.flags))
        assert refused.returncode == 2, refused
        assert "Traceback" not in refused.stderr
        return refused.stderr


def connected(server: Server, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S)
    return context.wrap_socket(plain, server_hostname="push.example.com")


def shown_by(server: Server, certificate: ServerCertificate) -> bytes | None:
    """The certificate that a new connection is shown, in DER."""
    with closing(connected(server, certificate.client_context())) as connection:
        return connection.getpeercert(binary_form=True)


def is_kept_for(server: Server, problem: str) -> None:
    """Wait until the log tells of the problem, and that the old certificate stays."""

    def told() -> bool:
        lines = server.log.read_text().splitlines()
        return any(problem in line and "stays in force" in line for line in lines)

    eventually(told)


@pytest.mark.parametrize(("half", "missing"), [(0, "tls_key"), (1, "tls_cert")])
def test_half_a_pair_is_refused_with_what_is_missing(
    unstarted: Unstarted, half: int, missing: str
) -> None:
    flags = unstarted.certificate.flags
    assert f"{missing} is missing" in unstarted.refusal(*flags[half * 2 : half * 2 + 2])


def test_a_file_that_is_not_there_is_named(unstarted: Unstarted) -> None:
    for missing in (unstarted.certificate.key, unstarted.certificate.certificate):
        missing.unlink()
        assert f"{missing} can't be read: No such file" in unstarted.refusal()


def test_a_certificate_that_is_none_is_refused(unstarted: Unstarted) -> None:
    unstarted.certificate.certificate.write_text("nonsense")
    assert "fullchain.pem is no certificate in PEM" in unstarted.refusal()


def test_a_key_that_is_none_is_refused(unstarted: Unstarted) -> None:
    unstarted.certificate.key.write_text("nonsense")
    assert "privkey.pem of" in unstarted.refusal()


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(unstarted: Unstarted) -> None:
    file = unstarted.certificate.key
    key = load_pem_private_key(file.read_bytes(), None)
    locked = BestAvailableEncryption(b"secret")
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    assert "it has a password" in unstarted.refusal()


def test_a_key_of_another_certificate_is_refused(unstarted: Unstarted) -> None:
    unstarted.certificate.put_key(unstarted.certificate.issued())
    assert "does not belong to the certificate" in unstarted.refusal()


def test_an_expired_certificate_is_refused(unstarted: Unstarted) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    unstarted.certificate.put(unstarted.certificate.issued(until=yesterday))
    assert "has expired" in unstarted.refusal()


def test_it_is_modern_tls_and_http_1_1(tls_server: Server, certificate: ServerCertificate) -> None:
    context = certificate.client_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with closing(connected(tls_server, context)) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"
        assert connection.version() == "TLSv1.3"
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    connected(tls_server, context).close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_tls_before_1_2_is_refused(tls_server: Server, certificate: ServerCertificate) -> None:
    context = certificate.client_context()
    # Without this, our own side would refuse.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        connected(tls_server, context)


def test_its_own_address_is_https(tls_server: Server) -> None:
    assert f"listening on https://127.0.0.1:{tls_server.port}" in tls_server.log.read_text()


def test_the_official_python_sdk_publishes_without_a_proxy(
    tls_server: Server, certificate: ServerCertificate
) -> None:
    program = """
import certifi, json, sys
instance_id, key, endpoint, authority, payload = sys.argv[1:]
# The SDK heeds no setting for it: what it trusts is what the machine's bundle holds.
certifi.where = lambda: authority
from pusher_push_notifications import PushNotifications
client = PushNotifications(instance_id, key, endpoint=endpoint)
print(client.publish_to_users(["alice"], json.loads(payload))["publishId"])
client.delete_user("alice")
"""
    app, endpoint = tls_server.instance, f"localhost:{tls_server.port}"
    device_id = app.device_of("alice")
    arguments = [
        app.id,
        app.secret_key,
        endpoint,
        str(certificate.ca_file),
        json.dumps(dict(HELLO)),
    ]
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=2 * TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("pubid-")
    assert app.devices.get(device_id).status == 404


def test_commands_on_the_machine_reach_a_server_with_a_public_name(tls_server: Server) -> None:
    hello = ("--title", "Hello", "--body", "World")
    assert tls_server.json_of("publish", "users", "alice", *hello)["publishId"].startswith("pubid-")


def test_commands_speak_to_no_server_with_another_certificate(
    tls_server: Server, tmp_path: Path
) -> None:
    noted = tls_server.data / "certificate.pem"
    ours = noted.read_bytes()
    other = ServerCertificate(tmp_path / "other")
    noted.write_bytes(other.certificate.read_bytes())
    refused = tls_server.cli("publish", "users", "alice", "--title", "Hello")
    noted.write_bytes(ours)
    assert refused.returncode == 1
    assert "certificate verify failed" in refused.stderr


def test_plain_http_to_the_tls_port_ends_and_the_server_goes_on(tls_server: Server) -> None:
    logged = len(tls_server.log.read_bytes())
    with socket.create_connection(("127.0.0.1", tls_server.port), TIMEOUT_S) as plain:
        plain.sendall(b"GET /health HTTP/1.1\r\nHost: push.example.com\r\n\r\n")
        plain.settimeout(TIMEOUT_S)
        assert not plain.recv(1000).startswith(b"HTTP/1.1 200")
    assert tls_server.client.request("GET", "/health").status == 200
    assert b"Traceback" not in tls_server.log.read_bytes()[logged:]


def test_a_renewed_certificate_is_shown_to_new_connections_and_old_ones_go_on(
    tls_server: Server, certificate: ServerCertificate
) -> None:
    before = certificate.shown()
    assert shown_by(tls_server, certificate) == before
    old = HTTPSConnection("localhost", tls_server.port, context=certificate.client_context())
    with closing(old):
        old.connect()

        def ask() -> int:
            old.request("GET", "/health")
            answer = old.getresponse()
            answer.read()
            return answer.status

        def renewed() -> bool:
            # Each time, so that the server doesn't end it as one that nobody uses.
            assert (ask(), old.sock.getpeercert(binary_form=True)) == (200, before)
            return shown_by(tls_server, certificate) == certificate.shown()

        certificate.renew()
        assert certificate.shown() != before
        eventually(renewed)
        assert (ask(), old.sock.getpeercert(binary_form=True)) == (200, before)
    hello = ("--title", "Hello", "--body", "World")
    assert tls_server.json_of("publish", "users", "alice", *hello)["publishId"]


def test_a_renewal_that_is_no_good_is_complained_about_and_the_old_certificate_stays(
    tls_server: Server, certificate: ServerCertificate
) -> None:
    before = shown_by(tls_server, certificate)

    certificate.put_key(certificate.issued())
    is_kept_for(tls_server, "does not belong to the certificate")
    assert shown_by(tls_server, certificate) == before

    certificate.put(certificate.issued(until=datetime.now(UTC) - timedelta(days=1)))
    is_kept_for(tls_server, "has expired")
    assert shown_by(tls_server, certificate) == before

    certificate.key.unlink()
    is_kept_for(tls_server, "privkey.pem can't be read")
    assert shown_by(tls_server, certificate) == before
    assert tls_server.client.request("GET", "/ready").status == 200

    certificate.renew()
    eventually(lambda: shown_by(tls_server, certificate) == certificate.shown())


def test_clients_that_are_silent_do_not_hold_up_a_stop(tmp_path: Path) -> None:
    certificate = ServerCertificate(tmp_path / "tls")
    with Server.start(tmp_path / "data", certificate=certificate) as server:
        idle = HTTPSConnection("localhost", server.port, context=certificate.client_context())
        with closing(idle), socket.create_connection(("127.0.0.1", server.port)):
            idle.request("GET", "/health")
            idle.getresponse().read()
            began = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - began < IDLE_CLIENTS_MAY_DELAY_A_STOP_S
