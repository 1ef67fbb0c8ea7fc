"""firebase-admin: send_each, in batches of 500 as it wants them, on threads and HTTP/1.1.

With `async` as argument send_each_async, in batches of 100, over HTTP/2 (httpx).

It knows no FCM but Google's: its constant FCM_URL is set to the fake's, and the adapter with a
hundred connections that it has for Google's address is mounted there, too. The access token comes
from the token_uri of its service account's file.
"""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import firebase_admin  # type: ignore[import-not-found]
from firebase_admin import credentials, messaging

from bench.fanout.peers.measure import WARM_UP, Figures, Job

_GOOGLE = "https://fcm.googleapis.com"
_LARGEST_BATCH = 500


def main() -> None:
    job = Job()
    # Of requests, which it asks FCM and the token endpoint with, and of httpx.
    os.environ["REQUESTS_CA_BUNDLE"] = os.environ["SSL_CERT_FILE"] = job["authority"]
    service = messaging._MessagingService  # noqa: SLF001
    service.FCM_URL = service.FCM_URL.replace(_GOOGLE, job["url"])
    app = firebase_admin.initialize_app(credentials.Certificate(job["peers_account"]))
    session = messaging._get_messaging_service(app)._client.session  # noqa: SLF001
    session.mount(job["url"], session.get_adapter(_GOOGLE))
    messages = [_message(json.loads(job["body"])["message"], token) for token in job.push_tokens]
    if "async" in sys.argv:
        asyncio.run(_send_async(messages, job["in_flight"]))
    else:
        _send(messages)


def _message(content: dict[str, Any], push_token: str) -> Any:
    shown = content["android"]["notification"]
    return messaging.Message(
        token=push_token,
        notification=messaging.Notification(**content["notification"]),
        data=content["data"],
        android=messaging.AndroidConfig(notification=messaging.AndroidNotification(**shown)),
    )


def _send(messages: list[Any]) -> None:
    messaging.send_each(messages[:WARM_UP])
    figures = Figures()
    with figures.taking():
        for batch in _batches(messages, _LARGEST_BATCH):
            _count(figures, messaging.send_each(batch))
    figures.tell()


async def _send_async(messages: list[Any], in_flight: int) -> None:
    await messaging.send_each_async(messages[:WARM_UP], dry_run=False)
    figures = Figures()
    with figures.taking():
        for batch in _batches(messages, in_flight):
            _count(figures, await messaging.send_each_async(batch, dry_run=False))
    figures.tell()


def _batches(messages: list[Any], size: int) -> Iterator[list[Any]]:
    left = iter(messages)
    while batch := list(itertools.islice(left, size)):
        yield batch


def _count(figures: Figures, answer: Any) -> None:
    figures.count(sent=answer.success_count, failed=answer.failure_count)


if __name__ == "__main__":
    main()
