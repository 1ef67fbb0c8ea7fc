"""Reports as the SDKs of 2018 wrote them are taken, however they wrote them."""

from uuid import uuid4

import pytest

from tests.client import Instance, Reply
from tests.contract.answers import assert_done, assert_refused

SECONDS = 1_700_000_000
MILLISECONDS = SECONDS * 1000
SWIFT = {"publishId": "pubid-1", "timestampMs": str(MILLISECONDS)}
ANDROID = {"publishId": "pubid-1", "timestamp": MILLISECONDS}
LATER = {"publishId": "pubid-1", "timestampSecs": SECONDS, "deviceId": "apns-1"}


def send(instance: Instance, path: str, body: object, instance_id: str | None = None) -> Reply:
    base = f"/reporting_api/v1/instances/{instance_id or instance.id}"
    return instance.client.request("POST", f"{base}/{path}", json=body)


@pytest.mark.parametrize("event", ["Open", "Delivery"])
@pytest.mark.parametrize("body", [SWIFT, ANDROID, LATER], ids=["swift", "android", "later"])
def test_the_event_may_be_in_the_path(
    instance: Instance, event: str, body: dict[str, object]
) -> None:
    assert_done(send(instance, f"event-type/{event}", body))


@pytest.mark.parametrize("field", ["eventType", "eventId"])
@pytest.mark.parametrize("event", ["Open", "Delivery", "DeliveryForeground", "DeliveryBackground"])
def test_the_event_may_be_in_the_body(instance: Instance, field: str, event: str) -> None:
    for body in (SWIFT, ANDROID, LATER):
        assert_done(send(instance, "events", {**body, field: event}))


@pytest.mark.parametrize("body", [SWIFT, ANDROID, LATER], ids=["swift", "android", "later"])
@pytest.mark.parametrize("event", ["Close", "", None, 5])
def test_an_event_that_is_none_is_refused(
    instance: Instance, body: dict[str, object], event: object
) -> None:
    assert_refused(send(instance, "events", {**body, "eventType": event}), 400, "event")
    assert_refused(send(instance, "event-type/Close", body), 400, "event")


@pytest.mark.parametrize(
    "body",
    [
        {"timestampSecs": SECONDS},
        {"publishId": "pubid-1"},
        {"publishId": 5, "timestamp": MILLISECONDS},
        {"publishId": "pubid-1", "timestampMs": "yesterday"},
        {"publishId": "pubid-1", "timestampSecs": [SECONDS]},
        {**LATER, "deviceId": 5},
    ],
)
def test_a_report_without_publish_or_time_is_refused(
    instance: Instance, body: dict[str, object]
) -> None:
    assert_refused(send(instance, "event-type/Open", body), 400)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null"])
def test_a_report_that_is_no_json_object_is_refused(instance: Instance, body: bytes) -> None:
    path = f"/reporting_api/v1/instances/{instance.id}/events"
    headers = {"Content-Type": "application/json"}
    assert_refused(instance.client.request("POST", path, body=body, headers=headers), 400)


def test_an_iphone_is_never_told_404(instance: Instance) -> None:
    assert_done(send(instance, "event-type/Open", SWIFT, instance_id=str(uuid4())))
    assert_refused(send(instance, "event-type/Open", SWIFT, instance_id="not-a-uuid"), 400)
