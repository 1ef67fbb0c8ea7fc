"""The bare client: pyreqwest, as Heliograph uses it, with nothing around it.

The same requests, and for browsers the same encryption; no database, no broker, no retries. Its
runtime has threads of its own, which is the faster way to use it alone.
"""

import base64
import os
import uuid
from collections.abc import Mapping
from typing import Any

import uvloop
from pyreqwest.client import ClientBuilder

from bench.fanout.peers.measure import Job, Send, measure
from heliograph.gateways.encrypt import encrypt, fresh_key
from heliograph.gateways.fcm import addressed

_LENGTH_OF_A_TOKEN = 230
"""Of the authorization that all messages share."""


async def main() -> None:
    job = Job()
    builder = (
        ClientBuilder()
        .runtime_multithreaded(enable=True)
        .resolve(job["host"], "127.0.0.1", job["port"])
        .no_proxy()
        .add_root_certificate_pem(job.file("authority"))
    )
    builder = (
        builder.http2(enable=True) if job["platform"] == "web" else builder.http2_prior_knowledge()
    )
    async with builder.build() as client:

        async def post(url: str, headers: Mapping[str, str], body: bytes) -> bool:
            request = client.post(url).headers(dict(headers)).body_bytes(body)
            async with request.build_streamed() as answer:
                await answer.body_reader.read(4096)
                return answer.status in {200, 201}

        await measure(job, _senders(job, post)[job["platform"]])


def _senders(job: Job, post: Any) -> Mapping[str, Send]:
    body = job["body"].encode()
    shared = {**job["headers"], "authorization": "bearer " + "x" * _LENGTH_OF_A_TOKEN}
    as_json = {**shared, "content-type": "application/json"}

    async def to_apns(push_token: Any) -> bool:
        own = {"apns-id": str(uuid.uuid4()), "apns-topic": job["bundle_id"]}
        return bool(await post(f"{job['url']}/3/device/{push_token}", {**as_json, **own}, body))

    async def to_fcm(push_token: Any) -> bool:
        url = f"{job['url']}/v1/projects/bench/messages:send"
        return bool(await post(url, as_json, addressed(body, push_token)))

    async def to_web(subscription: Any) -> bool:
        keys = subscription["keys"]
        message = encrypt(
            body,
            p256dh=_bytes(keys["p256dh"]),
            auth=_bytes(keys["auth"]),
            salt=os.urandom(16),
            sender=fresh_key(),
        )
        own = {"TTL": str(job["time_to_live"]), "Content-Encoding": "aes128gcm"}
        return bool(await post(subscription["endpoint"], {**shared, **own}, message))

    return {"apns": to_apns, "fcm": to_fcm, "web": to_web}


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


if __name__ == "__main__":
    uvloop.run(main())
