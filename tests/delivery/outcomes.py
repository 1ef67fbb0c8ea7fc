"""What became of devices and credentials, as a user of the server sees it."""

from tests.phones import done
from tests.server import Server


def is_there(server: Server, device_id: str) -> bool:
    return server.instance.devices.get(device_id).status == 200


def is_refused(server: Server, reason: str) -> bool:
    """Whether a credential of the first instance is shown as refused for it."""
    return f": {reason}" in done(server, "gateway", "show")
