"""What a real Firefox with the official web SDK reports of a user is told to webhooks."""

from functools import partial

import pytest

from tests.browser.app import App, comes
from tests.browser.firefox import Firefox
from tests.browsers import hello, new_name
from tests.receiver import Receiver
from tests.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "a secret of the test's"


async def test_an_arrival_and_a_click_are_told_once_each(
    app: App, firefox: Firefox, server: Server
) -> None:
    user, title = new_name("alice"), new_name("hello")
    await app.log_in(user)
    with Receiver(secret=SECRET) as receiver:
        events = ["--events", "acknowledgement,open", "--secret", SECRET]
        chosen = ["--instance", server.instance_id]
        added = server.json_of("webhook", "add", "--url", receiver.url, *events, *chosen)
        try:
            reply = server.instance.publish.to_users([user], hello(title))
            await comes(partial(_are_told, receiver, 1))
            await comes(partial(firefox.click_notification, title))
            await comes(partial(_are_told, receiver, 2))
        finally:
            server.cli("webhook", "remove", added["webhookId"], *chosen)
        told = [(call.event, call.payload) for call in receiver.received()]
    payload = {
        "instance_id": server.instance_id,
        "publish_id": reply.json()["publishId"],
        "user_id": user,
    }
    assert told == [
        ("v1.UserNotificationAcknowledgement", payload),
        ("v1.UserNotificationOpen", payload),
    ]
    assert receiver.refusals() == []


async def _are_told(receiver: Receiver, number: int) -> bool:
    return len(receiver.received()) >= number
