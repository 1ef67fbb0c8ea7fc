"""Devices report what arrived and what was tapped, and are never told to try again."""

from uuid import uuid4

import pytest

from tests.client import Instance, ReportingApi
from tests.contract.answers import assert_done, assert_refused, document

NOW_S = 1_700_000_000


@pytest.fixture
def event() -> dict[str, object]:
    """An event with the least that it must have, of a publish and a device that nobody knows."""
    return {
        "event": "Delivery",
        "publishId": f"pubid-{uuid4()}",
        "deviceId": f"web-{uuid4()}",
        "timestampSecs": NOW_S,
    }


def test_a_report_has_a_name_a_publish_a_device_and_a_time(
    instance: Instance, event: dict[str, object]
) -> None:
    assert_done(instance.reporting.report(event))


def test_a_report_from_android_is_taken(instance: Instance, event: dict[str, object]) -> None:
    extra = {"instanceId": instance.id, "userId": "alice", "appInBackground": False}
    assert_done(instance.reporting.report({**event, **extra, "hasDisplayableContent": True}))


def test_a_report_from_an_iphone_is_taken(instance: Instance, event: dict[str, object]) -> None:
    assert_done(instance.reporting.report({**event, "event": "Open", "instanceId": instance.id}))


def test_a_report_from_a_browser_is_taken(instance: Instance, event: dict[str, object]) -> None:
    extra = {
        "event": "delivery",
        "userId": None,
        "appInBackground": True,
        "hasDisplayableContent": True,
        "hasData": False,
    }
    assert_done(instance.reporting.report({**event, **extra}))


@pytest.mark.parametrize("name", ["Open", "open", "OPEN", "Delivery", "delivery"])
def test_the_name_of_an_event_has_no_case(
    instance: Instance, event: dict[str, object], name: str
) -> None:
    assert_done(instance.reporting.report({**event, "event": name}))


def test_a_report_of_a_known_publish_and_device_is_taken(
    instance: Instance, event: dict[str, object], platform: str, user_id: str
) -> None:
    device_id = instance.device_of(user_id, platform)
    publish_id = document(instance.publish.to_users([user_id]))["publishId"]
    known = {**event, "deviceId": device_id, "publishId": publish_id, "userId": user_id}
    for name in ("Delivery", "Open", "Open"):
        assert_done(instance.reporting.report({**known, "event": name}))


def test_a_report_of_an_unknown_user_is_taken(
    instance: Instance, event: dict[str, object], platform: str, user_id: str
) -> None:
    device_id = instance.devices.new(platform)
    assert_done(instance.reporting.report({**event, "deviceId": device_id, "userId": user_id}))


@pytest.mark.parametrize("field", ["publishId", "deviceId"])
@pytest.mark.parametrize("value", ["anything", "../..", "🔆", "x" * 1000])
def test_a_report_of_ids_of_any_form_is_taken(
    instance: Instance, event: dict[str, object], field: str, value: str
) -> None:
    assert_done(instance.reporting.report({**event, field: value}))


@pytest.mark.parametrize("time", [NOW_S + 0.75, float(NOW_S), 0, 4_708_348_800])
def test_the_time_of_a_report_may_be_fractional(
    instance: Instance, event: dict[str, object], time: float
) -> None:
    assert_done(instance.reporting.report({**event, "timestampSecs": time}))


@pytest.mark.parametrize("field", ["event", "publishId", "deviceId", "timestampSecs"])
def test_a_report_without_one_of_these_is_refused(
    instance: Instance, event: dict[str, object], field: str
) -> None:
    del event[field]
    assert_refused(instance.reporting.report(event), 400, field)


@pytest.mark.parametrize("field", ["hasDisplayableContent", "appInBackground"])
@pytest.mark.parametrize("value", ["true", 1, {}, []])
def test_what_a_report_may_say_besides_is_true_or_false(
    instance: Instance, event: dict[str, object], field: str, value: object
) -> None:
    assert_refused(instance.reporting.report({**event, field: value}), 400, field)
    for good in (True, False, None):
        assert_done(instance.reporting.report({**event, field: good}))


def test_nobody_learns_from_an_answer_whether_a_report_counted(
    instance: Instance, event: dict[str, object], user_id: str
) -> None:
    """Not of an unknown device or publish, of a known one, of a repetition, or of a stranger."""
    device_id, stranger_id = instance.device_of(user_id), instance.devices.new("web")
    publish_id = document(instance.publish.to_users([user_id]))["publishId"]
    known = {**event, "deviceId": device_id, "publishId": publish_id}
    said = [
        event,
        {**event, "deviceId": device_id},
        {**event, "publishId": publish_id},
        known,
        known,
        {**known, "deviceId": stranger_id},
        {**known, "deviceId": "x" * 1000},
    ]
    replies = [instance.reporting.report(one) for one in said]
    assert {(reply.status, reply.body) for reply in replies} == {(200, b"")}
    assert len({tuple(sorted({**reply.headers, "date": ""}.items())) for reply in replies}) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff"])
def test_a_report_that_is_no_json_object_is_refused(instance: Instance, body: bytes) -> None:
    path = f"{instance.reporting.base}/events"
    headers = {"Content-Type": "application/json"}
    assert_refused(instance.client.request("POST", path, body=body, headers=headers), 400)


def test_the_content_type_of_a_report_is_json(instance: Instance, event: dict[str, object]) -> None:
    path = f"{instance.reporting.base}/events"
    headers = {"Content-Type": "text/plain"}
    assert_refused(instance.client.request("POST", path, json=event, headers=headers), 400)


def test_an_iphone_is_never_told_404(instance: Instance, event: dict[str, object]) -> None:
    """The Swift SDK answers a 404 with a new registration and the same report, for ever."""
    nowhere = ReportingApi(instance.client, str(uuid4()))
    assert_done(nowhere.report(event))
    misspelt = ReportingApi(instance.client, "not-a-uuid")
    assert_refused(misspelt.report(event), 400, "UUID")
