"""What a line of a file of devices may say."""

import json
from typing import Any
from uuid import uuid4

import pytest

from heliograph.model.errors import HeliographError, Invalid
from heliograph.model.transfer import Refusals, counted, parse_line
from tests.push_tokens import encoded, new_push_token, new_web_subscription


def fcm(**more: object) -> bytes:
    return line("fcm", new_push_token("fcm"), **more)


def line(platform: str, token: object, **more: object) -> bytes:
    return json.dumps({"platform": platform, "token": token, **more}).encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "the line is not JSON"),
        (b"\xff", "the line is not JSON"),
        (b'{"platform": "fcm", "token": "\xff"}', "the line is not JSON"),
        (b'{"platform": "web", "token": ' + b'{"a": ' * 100_000, "the line is not JSON"),
        (b"[1]", "Expected `object`"),
        (b"{}", "required field `platform`"),
        (b'{"platform": "fcm"}', "required field `token`"),
        (line("sms", "x"), "Invalid enum value 'sms'"),
        (line("fcm", ""), "token: String length must be greater than or equal to 1"),
        (line("fcm", {"endpoint": "https://a.example"}), "token: must be a text"),
        (line("fcm", "a\0"), "token: must not contain NUL"),
        (line("apns", "not hexadecimal"), "must be hexadecimal"),
        (line("web", "eyJ9"), "token: must be the base64"),
        (line("web", {"endpoint": "https://a.example"}), "token: must be the base64"),
        (line("web", {**new_web_subscription(), "endpoint": "/push"}), "token: its endpoint"),
        (fcm(vapidPublicKey="BA"), "vapidPublicKey: is for the web platform alone"),
        (fcm(id="fcm-1 2"), "id: must be like fcm-"),
        (fcm(id=f"web-{uuid4()}"), "id: must be like fcm-"),
        (fcm(userId=""), "userId: String length must be greater"),
        (fcm(userId="a" * 165), "userId: String length must be less than or equal to 164"),
        (fcm(userId="a\0"), "userId: must not contain NUL"),
        (fcm(userId=7), "Expected `str"),
        (fcm(interests=["ok", "a:b"]), "interests.1: Does not match pattern"),
        (fcm(interests=[f"i{number}" for number in range(5001)]), "interests: at most 5000"),
        (fcm(interests="news"), "Expected `array"),
        (fcm(metadata={"a": "x" * 4096}), "metadata: must have at most 4096 bytes"),
        (fcm(metadata=[]), "Expected `object"),
        (fcm(registeredAt="yesterday"), "`$.registeredAt`"),
        (fcm(registeredAt="2024-05-01T12:00:00"), "timezone"),
        (fcm(registeredAt="1969-12-31T00:00:00Z"), "registeredAt: must not be before 1970"),
        (fcm(user_id="alice"), "unknown field `user_id`"),
        (fcm(metadata={"a": "x" * 1024 * 1024}), "the line is longer than 1048576 bytes"),
    ],
)
def test_a_bad_line_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(HeliographError) as refused:
        parse_line(content)
    assert reason in str(refused.value)


def test_a_subscription_may_be_its_object_or_the_base64_that_is_registered() -> None:
    subscription = new_web_subscription()
    as_object = parse_line(line("web", subscription))
    assert as_object == parse_line(line("web", encoded(subscription)))


def test_what_is_null_is_not_told() -> None:
    optional = ("id", "userId", "interests", "metadata", "registeredAt")
    content: dict[str, Any] = {"platform": "fcm", "token": "token"}
    nothing_told = json.dumps({**content, **dict.fromkeys(optional)}).encode()
    assert parse_line(nothing_told) == parse_line(json.dumps(content).encode())


def test_a_reason_is_the_same_whichever_of_the_interests_it_is_about() -> None:
    refused = counted({}, 3, Invalid("interests.1", "Does not match"))
    refused = counted(refused, 9, Invalid("interests.22", "Does not match"))
    assert refused == {"interests: Does not match": Refusals(number=2, first_line=3)}


def test_reasons_beyond_a_hundred_are_counted_together() -> None:
    refused = counted({}, 1, Invalid("field", "0"))
    for number in range(1, 1000):
        refused = counted(refused, number + 1, Invalid("field", str(number)))
    assert len(refused) == 101
    assert sum(one.number for one in refused.values()) == 1000
    assert refused["other reasons"].first_line == 101
