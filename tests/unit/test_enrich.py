"""The `pusher` metadata reaches the SDK wherever Android looks for data, and is nobody else's."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from heliograph.delivery.enrich import message_for
from heliograph.model.device import Platform
from heliograph.model.errors import Invalid
from heliograph.model.ids import new_instance_id, new_publish_id

INSTANCE, PUBLISH = new_instance_id(), new_publish_id()


def fcm_message(payload: dict[str, Any]) -> dict[str, Any]:
    """What FCM gets of a publish."""
    now = datetime.now(UTC)
    message = message_for(Platform.FCM, payload, INSTANCE, PUBLISH, accepted_at=now)
    return dict(json.loads(message.body)["message"])


def test_data_for_android_alone_has_the_metadata_too() -> None:
    message = fcm_message({"data": {"a": 1}, "android": {"data": {"b": 2}}})
    pusher = {"instanceId": INSTANCE, "publishId": PUBLISH, "hasData": True}
    assert json.loads(message["data"].pop("pusher")) == pusher
    assert json.loads(message["android"]["data"].pop("pusher")) == pusher
    assert (message["data"], message["android"]["data"]) == ({"a": "1"}, {"b": "2"})


def test_whether_there_is_data_is_said_of_what_android_gets() -> None:
    message = fcm_message({"data": {"a": 1}, "android": {"data": {}}})
    assert "hasData" not in json.loads(message["android"]["data"]["pusher"])


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"data": {"pusher": "x"}}, "fcm.data.pusher"),
        ({"message": {"data": {"pusher": "x"}}}, "fcm.data.pusher"),
        ({"android": {"data": {"pusher": "x"}}}, "fcm.android.data.pusher"),
    ],
)
def test_nobody_else_writes_the_metadata(payload: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        fcm_message(payload)
    assert refused.value.field == field
