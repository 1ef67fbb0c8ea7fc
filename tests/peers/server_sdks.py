"""The official server SDKs, unmodified, each in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

from tests.client import Instance
from tests.peers.tls_proxy import TlsProxy
from tests.server import Server

JAVASCRIPT = Path(__file__).parents[1] / "javascript"
NODE = Path(sys.executable).with_name("node")
PUBLISH_TIMEOUT_S = 60


def publish_with_python(
    instance: Instance, user: str, payload: dict[str, object], proxy: TlsProxy
) -> str:
    """Publish with the official Python SDK in a process that trusts the proxy's authority."""
    program = """
import certifi, json, sys
iid, key, endpoint, user, payload, authority = sys.argv[1:]
# The SDK heeds no setting for it: what it trusts is what the machine's bundle holds.
certifi.where = lambda: authority
from pusher_push_notifications import PushNotifications
client = PushNotifications(iid, key, endpoint=endpoint)
print(client.publish_to_users([user], json.loads(payload))["publishId"])
"""
    arguments = [instance.id, instance.secret_key, proxy.endpoint, user, json.dumps(payload)]
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments, str(proxy.ca_file)],
        capture_output=True,
        text=True,
        timeout=PUBLISH_TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def publish_with_node(
    instance: Instance, user: str, payload: dict[str, object], server: Server
) -> str:
    """Publish with the official Node SDK, which speaks http to an endpoint of one's own."""
    program = """
const [instanceId, secretKey, port, user, payload] = process.argv.slice(1);
const Client = require("@pusher/push-notifications-server");
new Client({instanceId, secretKey, endpoint: "127.0.0.1", port})
  .publishToUsers([user], JSON.parse(payload))
  .then(answer => console.log(answer.publishId));
"""
    arguments = [instance.id, instance.secret_key, str(server.port), user, json.dumps(payload)]
    ended = subprocess.run(
        [str(NODE), "-e", program, *arguments],
        cwd=JAVASCRIPT,
        capture_output=True,
        text=True,
        timeout=PUBLISH_TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()
