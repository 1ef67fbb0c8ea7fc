"""The disk of the embedded broker: more is refused before it is full, and a failed write is seen.

nats-server (2.15) gives a stream up when a write fails: it takes nothing for it any more, without
an answer, and can't forget what is done, until it is started again. So what comes in is refused
while there still is room for what was accepted to go out; and if others fill the disk to the last
byte, embedded.py starts the server again once there is room.
"""

import json
import shutil
from pathlib import Path

import nats.errors
from nats.aio.client import Client

_MEBIBYTE = 1024**2
FOR_PUBLISHES = 64 * _MEBIBYTE
FOR_BATCHES = 32 * _MEBIBYTE
"""Less than for publishes: what was accepted goes on. What is left is for what becomes of it: the
broker notes what is done before it forgets it, and the database may be on the same disk."""

_HEALTH = "$SYS.REQ.SERVER.PING.HEALTHZ"
_ANSWER_TIMEOUT_S = 2.0


def has_room(directory: Path, least_bytes: int) -> bool:
    """Whether so much is free there."""
    try:
        return shutil.disk_usage(directory).free >= least_bytes
    except OSError:
        return False


async def write_error(client: Client) -> str | None:
    """Why the server has given a stream up; None if it has not, or does not answer now.

    client: of its system account.
    """
    try:
        answer = await client.request(_HEALTH, timeout=_ANSWER_TIMEOUT_S)
    except (nats.errors.Error, TimeoutError):
        return None
    said = str(json.loads(answer.data)["data"].get("error", ""))
    return said if "write error" in said else None
