"""pywebpush: webpush_async, with one aiohttp session, which keeps a hundred connections open."""

import asyncio
import ssl
from typing import Any

import aiohttp
import pywebpush

from bench.fanout.peers.measure import Job, measure

_SECONDS = 10


async def main() -> None:
    job = Job()
    tls = ssl.create_default_context(cafile=job["authority"])
    connections = aiohttp.TCPConnector(limit=job["in_flight"], ssl=tls)
    async with aiohttp.ClientSession(connector=connections) as session:
        key = pywebpush.Vapid.from_file(job["vapid_key"])

        async def send(subscription: Any) -> bool:
            answer = await pywebpush.webpush_async(
                subscription,
                job["body"],
                vapid_private_key=key,
                vapid_claims={"sub": job["contact"]},
                ttl=job["time_to_live"],
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
                aiohttp_session=session,
            )
            return bool(answer.status == 201)  # noqa: PLR2004

        await measure(job, send)


if __name__ == "__main__":
    asyncio.run(main())
