"""What happens to a publish to users is told to the app's server, once and to the letter."""

import re
from collections.abc import Callable

from tests.browsers import Browsers, hello, new_name
from tests.client import Instance
from tests.receiver import Receiver

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
AddWebhook = Callable[..., str]


def test_a_finished_publish_is_told_with_beams_headers_and_envelope(
    instance: Instance, browsers: Browsers, receiver: Receiver, add_webhook: AddWebhook
) -> None:
    custom = '{"tenant": "münchen"}'
    webhook = add_webhook(receiver.url, "attempt", options=("--custom-data", custom))
    user = new_name("alice")
    browsers.new(user=user)
    publish_id = instance.publish.to_users([user], hello("one")).json()["publishId"]
    [call] = receiver.calls()
    assert call.headers["user-agent"] == "pusher-webhooks"
    assert call.headers["content-type"] == "application/json"
    assert call.headers["webhook-event-type"] == "v1.PublishToUsersAttempt"
    assert call.headers["webhook-id-uuid"] == webhook
    assert UUID.fullmatch(call.request_id)
    told = call.json()
    event_id, created_at = told["metadata"].pop("event_id"), told["metadata"].pop("created_at")
    assert UUID.fullmatch(event_id)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", created_at)
    assert told == {
        "payload": {
            "instance_id": instance.id,
            "publish_id": publish_id,
            "users_delivered_to_gateway": [user],
            "users_no_devices": [],
            "users_gateway_failed": [],
        },
        "metadata": {"event_type": "v1.PublishToUsersAttempt", "product": "beams"},
        "custom_data": {"tenant": "münchen"},
    }
