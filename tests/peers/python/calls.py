"""Makes calls of the official Python SDK, unmodified: see tests/peers/server_sdks.py.

calls.py AUTHORITY ENDPOINT < calls > outcomes
"""

import json
import sys
from typing import Any

import certifi

AUTHORITY, ENDPOINT = sys.argv[1:]
# The SDK heeds no setting for it: what it trusts is what the machine's bundle holds.
certifi.where = lambda: AUTHORITY

from pusher_push_notifications import PushNotifications  # noqa: E402

METHODS = {
    "publishToInterests": "publish_to_interests",
    "publishToUsers": "publish_to_users",
    "generateToken": "generate_token",
    "deleteUser": "delete_user",
}


def outcome(client: Any, method: str, arguments: list[Any]) -> dict[str, Any]:
    try:
        return {"value": getattr(client, METHODS[method])(*arguments)}
    except Exception as error:  # noqa: BLE001 - whatever it raises is what is asked for
        return {"error": [type(error).__name__, str(error.args[0])]}


def main() -> None:
    given = json.load(sys.stdin)
    client = PushNotifications(given["instanceId"], given["secretKey"], endpoint=ENDPOINT)
    json.dump([outcome(client, method, rest) for method, *rest in given["calls"]], sys.stdout)


main()
