"""The log: lines for programs or people, with the ids of what they are about and nothing secret."""

import json
import secrets
from pathlib import Path
from typing import Any

from tests.apns_service import Answer, ApnsService
from tests.browsers import Browsers, new_name
from tests.fcm_service import FcmService
from tests.phones import android, iphone, set_apns_key, set_service_account
from tests.processes import free_port
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually, finished

REFUSED = Answer(status=403, reason="Forbidden")
JSON = {"HELIOGRAPH_LOG_FORMAT": "json"}


def lines_of(server: Server) -> list[dict[str, Any]]:
    """The log, of which each line must be a JSON object."""
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def publish_that_is_refused(
    server: Server, apns_service: ApnsService, directory: Path, trace_id: str
) -> str:
    """Publish to an iPhone with a credential that Apple refuses, of which the log tells."""
    set_apns_key(server, apns_service, directory)
    [token], user = apns_service.new_devices(1), new_name("alice")
    iphone(server.instance, token, user=user)
    apns_service.answer_all(REFUSED)
    reply = server.instance.publish.send(
        "publishes/users",
        {"users": [user], "apns": {"aps": {"alert": "refused"}}},
        headers={"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"},
    )
    eventually(lambda: "were refused" in server.log.read_text())
    return str(reply.json()["publishId"])


def test_lines_of_json_say_which_publish_they_are_about_and_of_which_trace(
    tmp_path: Path, environment: dict[str, str], apns_service: ApnsService
) -> None:
    trace_id = secrets.token_hex(16)
    collector = {"HELIOGRAPH_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    own = {**environment, **JSON, **collector, "HELIOGRAPH_WORKERS": "1"}
    with Server.start(tmp_path / "data", environment=own) as server:
        publish_id = publish_that_is_refused(server, apns_service, tmp_path, trace_id)
        [line] = [line for line in lines_of(server) if "were refused" in line["message"]]
        assert line.pop("time").endswith("Z")
        assert line.pop("message")
        assert line == {
            "level": "error",
            "logger": "heliograph.delivery.sender",
            "process": "worker 1",
            "publish_id": publish_id,
            "instance_id": server.instance_id,
            "platform": "apns",
            "trace_id": trace_id,
        }


def test_lines_of_text_say_which_publish_they_are_about(
    tmp_path: Path, environment: dict[str, str], apns_service: ApnsService
) -> None:
    with Server.start(tmp_path / "data", environment=environment) as server:
        publish_id = publish_that_is_refused(server, apns_service, tmp_path, secrets.token_hex(16))
        [line] = [line for line in server.log.read_text().splitlines() if "were refused" in line]
        assert line.endswith(f" [publish {publish_id}, instance {server.instance_id}]")


def test_nothing_secret_is_in_the_log_whatever_its_level(
    tmp_path: Path,
    environment: dict[str, str],
    push_service: PushService,
    apns_service: ApnsService,
    fcm_service: FcmService,
) -> None:
    own = {**environment, **JSON, "HELIOGRAPH_LOG_LEVEL": "debug", "HELIOGRAPH_WORKERS": "1"}
    with Server.start(tmp_path / "data", environment=own) as server:
        instance, user, word = server.instance, new_name("alice"), secrets.token_hex(8)
        set_apns_key(server, apns_service, tmp_path)
        project = set_service_account(server, fcm_service, tmp_path)["project_id"]
        [apple], [google] = apns_service.new_devices(1), fcm_service.new_devices(project, 1)
        browser = Browsers(push_service, instance).new(user=user)
        devices = [browser.device_id, iphone(instance, apple, user=user)]
        devices.append(android(instance, google, user=user))
        payload = {
            "web": {"notification": {"title": word}},
            "apns": {"aps": {"alert": word}},
            "fcm": {"notification": {"title": word}},
        }
        publish_id = instance.publish.to_users([user], payload).json()["publishId"]
        for platform in payload:
            assert finished(server, publish_id, platform=platform)["delivered"] == 1
        assert server.stop() == 0
        log = server.log.read_text()
        assert len(lines_of(server)) > 3
        subscription = browser.subscription
        keys = [server.secret_key, subscription.token, subscription.auth, subscription.p256dh]
        for secret in (user, word, apple, google, *keys, *devices, instance.token(user)):
            assert secret not in log
