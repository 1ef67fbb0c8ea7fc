"""Memory does not grow with what goes through."""

from pathlib import Path

import pytest

from tests.apns_service import BUNDLE, ApnsService
from tests.browsers import new_name
from tests.fast_gateway import FastGateway
from tests.phones import done, iphone
from tests.push_tokens import new_push_token
from tests.server import Server
from tests.waiting import finished

DEVICES = 500
MESSAGES = 200_000
ROUNDS = 10
MOST_GROWTH_BYTES = 24 * 1024**2
ALERT = {"apns": {"aps": {"alert": "hello"}}}


def resident_bytes(server: Server) -> int:
    """What the server's process holds in memory (Linux)."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


@pytest.mark.timeout(600)
def test_memory_stays_flat_while_200_000_messages_go_through_one_worker(
    tmp_path: Path, apns_service: ApnsService
) -> None:
    (tmp_path / "gateway").mkdir()
    with FastGateway(tmp_path / "gateway") as gateway:
        environment = {
            "HELIOGRAPH_APNS_URL": gateway.url,
            "HELIOGRAPH_GATEWAY_CA": str(gateway.ca_file),
            "HELIOGRAPH_DEVICE_RATE": "0",
        }
        with Server.start(tmp_path / "data", environment=environment) as server:
            key, file, crowd = apns_service.new_key(), tmp_path / "AuthKey.p8", new_name("crowd")
            file.write_text(key.private_pem)
            options = ["--key-id", key.key_id, "--team-id", key.team_id, "--bundle-id", BUNDLE]
            done(server, "gateway", "set", "apns", "--key-file", str(file), *options)
            for _ in range(DEVICES):
                device_id = iphone(server.instance, new_push_token("apns"))
                assert server.instance.devices.put_interests(device_id, [crowd]).status == 200
            held = []
            for _ in range(ROUNDS):
                for _ in range(MESSAGES // DEVICES // ROUNDS):
                    reply = server.instance.publish.to_interests([crowd], ALERT)
                    assert reply.status == 200
                publish_id = reply.json()["publishId"]
                report = finished(server, publish_id, platform="apns", within_s=120)
                assert report["delivered"] == DEVICES
                held.append(resident_bytes(server))
    # The first round fills what is filled once: connections, caches, pages of the database.
    assert max(held[1:]) - held[0] < MOST_GROWTH_BYTES, held
