"""aioapns: APNs over h2 in pure Python, in asyncio. Its host and port are constants of a class."""

import asyncio
import json
import ssl
from typing import Any

import aioapns  # type: ignore[import-not-found]
from aioapns.connection import APNsProductionClientProtocol  # type: ignore[import-not-found]

from bench.fanout.peers.measure import Job, measure


async def main() -> None:
    job = Job()
    APNsProductionClientProtocol.APNS_SERVER = job["host"]
    APNsProductionClientProtocol.APNS_PORT = job["port"]
    tls = ssl.create_default_context(cafile=job["authority"])
    tls.set_alpn_protocols(["h2"])
    apns = aioapns.APNs(
        key=job.file("apns_key").decode(),
        key_id=job["apns_key_id"],
        team_id=job["apns_team_id"],
        topic=job["bundle_id"],
        ssl_context=tls,
    )
    message = json.loads(job["body"])

    async def send(push_token: Any) -> bool:
        request = aioapns.NotificationRequest(
            device_token=push_token,
            message=message,
            priority=10,
            push_type=aioapns.PushType.ALERT,
        )
        return bool((await apns.send_notification(request)).is_successful)

    await measure(job, send)


if __name__ == "__main__":
    asyncio.run(main())
