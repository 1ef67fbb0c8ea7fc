"""What Beams takes as `fcm` becomes a message that FCM HTTP v1 takes, or is refused."""

import json
import re
from contextlib import suppress
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.gateways import fcm_schema
from heliograph.gateways.fcm_legacy import to_v1
from heliograph.model.errors import Invalid
from tests.fakes.fcm.schema import DESCRIPTION, TARGETS

GOOGLES = json.loads(DESCRIPTION.read_text())["schemas"]


@pytest.mark.parametrize(
    ("legacy", "message"),
    [
        ({"data": {"a": "1"}}, {"data": {"a": "1"}}),
        ({"time_to_live": 60, "android": {"ttl": "30s"}}, {"android": {"ttl": "30s"}}),
        ({"time_to_live": "60"}, {"android": {"ttl": "60s"}}),
        ({"priority": 10}, {"android": {"priority": "HIGH"}}),
        ({"priority": "Normal"}, {"android": {"priority": "NORMAL"}}),
        ({"android": {"priority": "high"}}, {"android": {"priority": "HIGH"}}),
        ({"message": {"data": {"a": 1}, "token": "T"}}, {"data": {"a": "1"}}),
        ({"to": "T", "registration_ids": ["T"], "condition": "x", "unknown": 1}, {}),
        ({"delay_while_idle": True, "content_available": True, "mutable_content": True}, {}),
        ({"restricted_package_name": "p"}, {"android": {"restricted_package_name": "p"}}),
        ({"direct_boot_ok": True}, {"android": {"direct_boot_ok": True}}),
        (
            {"fcm_options": {"analyticsLabel": "l"}},
            {"fcm_options": {"analytics_label": "l"}},
        ),
        ({"notification": {}}, {}),
        ({"notification": {"badge": "1", "subtitle": "s"}}, {}),
        ({"notification": {"title": 5}}, {"notification": {"title": "5"}}),
        (
            {"notification": {"android_channel_id": "c"}, "android": {"collapseKey": "k"}},
            {"android": {"notification": {"channel_id": "c"}, "collapse_key": "k"}},
        ),
        (
            {"data": {"n": 12345678901234567, "t": True, "l": [1, {"a": None}], "z": None}},
            {"data": {"n": "12345678901234567", "t": "true", "l": '[1,{"a":null}]'}},
        ),
    ],
)
def test_a_legacy_body_becomes_a_message(legacy: dict[str, Any], message: object) -> None:
    converted, validate_only = to_v1(legacy)
    assert (converted, validate_only) == (message, False)
    fcm_schema.check(converted)


def test_all_of_it_at_once() -> None:
    legacy = {
        "notification": {
            "title": "t",
            "body": "b",
            "android_channel_id": "c",
            "body_loc_args": '["x","y"]',
            "body_loc_key": "k",
        },
        "data": {"n": 1, "f": 1.5, "b": True, "o": {"a": [1]}, "z": None},
        "time_to_live": 3600,
        "priority": "high",
        "collapse_key": "ck",
        "dry_run": True,
    }
    message, validate_only = to_v1(legacy)
    assert validate_only
    assert message == {
        "notification": {"title": "t", "body": "b"},
        "data": {"n": "1", "f": "1.5", "b": "true", "o": '{"a":[1]}'},
        "android": {
            "priority": "HIGH",
            "ttl": "3600s",
            "collapse_key": "ck",
            "notification": {"channel_id": "c", "body_loc_key": "k", "body_loc_args": ["x", "y"]},
        },
    }
    fcm_schema.check(message)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"data": {"from": "x"}}, "fcm.data.from"),
        ({"data": {"google.x": "x"}}, "fcm.data.google.x"),
        ({"data": []}, "fcm.data"),
        ({"time_to_live": -1}, "fcm.time_to_live"),
        ({"time_to_live": 2_419_201}, "fcm.time_to_live"),
        ({"time_to_live": True}, "fcm.time_to_live"),
        ({"priority": "urgent"}, "fcm.priority"),
        ({"collapse_key": 1}, "fcm.collapse_key"),
        ({"dry_run": "yes"}, "fcm.dry_run"),
        ({"notification": "hello"}, "fcm.notification"),
        ({"notification": {"color": "red"}}, "fcm.android.notification.color"),
        ({"notification": {"body_loc_args": "["}}, "fcm.notification.body_loc_args"),
        ({"notification": {"body_loc_args": ["x"]}}, "fcm.android.notification.body_loc_args"),
        ({"android": {"ttl": 30}}, "fcm.android.ttl"),
        ({"android": {"ttl": "9999999s"}}, "fcm.android.ttl"),
        ({"android": {"surprise": 1}}, "fcm.android"),
        ({"android": {}, "android_v2": {"ttl": "1s"}, "priority": "high"}, "fcm.android_v2"),
        ({"data": {"a": "x" * 4097}}, "fcm"),
    ],
)
def test_what_fcm_would_refuse_is_refused_with_the_field(
    payload: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        fcm_schema.check(to_v1(payload)[0])
    assert refused.value.field == field


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
_KEYS = st.sampled_from(
    ["data", "notification", "android", "apns", "webpush", "priority", "time_to_live", "message"]
)


@given(st.dictionaries(_KEYS | st.text(max_size=5), _JSON, max_size=4))
def test_any_object_is_either_refused_or_a_good_message(payload: dict[str, Any]) -> None:
    with suppress(Invalid):
        fcm_schema.check(to_v1(payload)[0])


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in GOOGLES
        if hasattr(fcm_schema, name) and isinstance(getattr(fcm_schema, name), type)
    ],
)
def test_the_structs_have_the_fields_and_words_that_google_publishes(name: str) -> None:
    google = GOOGLES[name].get("properties", {})
    fields = {field.name: field.type for field in msgspec.structs.fields(getattr(fcm_schema, name))}
    targets = {*TARGETS, "name"} if name == "Message" else set()
    assert set(fields) == {_snake_case(key) for key in google} - targets
    for key, described in google.items():
        if "enum" in described:
            literal, _none = get_args(fields[_snake_case(key)])
            assert set(get_args(literal)) == set(described["enum"])


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)
