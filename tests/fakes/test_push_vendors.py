"""What each vendor's push service adds to the rules of all, and its own words for a breach."""

import json
from dataclasses import replace

import pytest

from tests.fakes.known_good import Sender, Vapid
from tests.fakes.push_messages import (
    Mutation,
    authorized,
    body,
    claim,
    encrypted,
    exchange,
    expiring,
    fresh,
    header,
    post,
    right_for,
    with_another_vapid_key,
    without,
)
from tests.fakes.push_service.refusals import Rule
from tests.push_service import PushService


def test_apple_refuses_a_token_that_is_renewed_within_the_hour(
    fake: PushService, sender: Sender, vapid: Vapid
) -> None:
    first = right_for(fake, vapid, "apple")
    second = replace(first, body=encrypted(first.subscription, fresh()))
    third = expiring(1800)(replace(first, body=encrypted(first.subscription, fresh())))
    assert [post(sender, sent) for sent in (first, second, third)] == [201, 201, 403]
    assert [refusal.rule for refusal in fake.refusals()] == [Rule.VAPID_RENEWAL]


@pytest.mark.parametrize(
    ("ttl", "policy", "status"),
    [
        ("60", None, 201),
        ("60", "cache", 201),
        ("60", "no-cache", 400),
        ("0", "no-cache", 201),
        ("0", "cache", 400),
        ("0", None, 400),
    ],
)
def test_windows_keeps_just_what_has_time_to_live(
    fake: PushService, sender: Sender, vapid: Vapid, ttl: str, policy: str | None, status: int
) -> None:
    sent = header("ttl", ttl)(right_for(fake, vapid, "wns"))
    sent = sent if policy is None else header("x-wns-cache-policy", policy)(sent)
    answer = exchange(sender, sent)
    assert (answer.status, answer.body) == (status, b"")
    refused = [refusal.rule for refusal in fake.refusals()]
    assert refused == ([] if status == 201 else [Rule.CACHE_POLICY])
    told = answer.headers.get("x-wns-error-description")
    assert told == (None if status == 201 else "Ttl value conflicts with X-WNS-Cache-Policy.")


# How a breach is told: by a status, and by something in the headers or the body.
TOLD: list[tuple[str, Mutation, int, str]] = [
    ("mozilla", lambda sent: sent, 201, "location"),
    ("mozilla", with_another_vapid_key, 401, '"errno": 109'),
    ("mozilla", without("ttl"), 400, '"errno": 111'),
    ("mozilla", body(lambda right: right[:-1]), 400, '"errno": 110'),
    ("fcm", lambda sent: sent, 201, "location"),
    ("fcm", with_another_vapid_key, 403, "do not correspond to the credentials"),
    ("fcm", without("authorization"), 401, "Unauthorized"),
    ("fcm", without("ttl"), 400, "<html>"),
    ("fcm", body(lambda right: right.ljust(4097, b"\0")), 413, "<html>"),
    ("apple", lambda sent: sent, 201, "apns-id"),
    ("apple", with_another_vapid_key, 400, '"VapidPkHashMismatch"'),
    ("apple", without("authorization"), 403, '"BadJwtToken"'),
    ("apple", claim("sub", "mailto:admin@localhost"), 403, '"BadJwtToken"'),
    ("apple", authorized(lambda t, k: f"WebPush t={t}, k={k}"), 403, '"BadAuthorizationHeader"'),
    ("apple", header("topic", "abcde"), 400, '"BadWebPushTopic"'),
    ("apple", header("urgency", "urgent"), 400, '"BadUrgency"'),
    ("apple", header("ttl", "x"), 400, '"BadTtl"'),
    ("apple", body(lambda right: right.ljust(4097, b"\0")), 413, '"PayloadTooLarge"'),
    ("apple", lambda sent: replace(sent, method="PUT"), 405, '"MethodNotAllowed"'),
    ("wns", lambda sent: sent, 201, "x-wns-notificationstatus: received"),
    ("wns", with_another_vapid_key, 403, "x-wns-error-description"),
    ("wns", without("authorization"), 401, "x-wns-error-description"),
    ("wns", without("ttl"), 400, "x-wns-msg-id"),
    ("unifiedpush", lambda sent: sent, 201, "ttl: 0"),
    ("unifiedpush", with_another_vapid_key, 403, ""),
    ("unifiedpush", without("ttl"), 400, ""),
    ("unifiedpush", body(lambda right: right.ljust(4097, b"\0")), 413, ""),
]


@pytest.mark.parametrize("told", TOLD, ids=[f"{one[0]}-{one[2]}" for one in TOLD])
def test_each_vendor_tells_in_its_own_words(
    fake: PushService, sender: Sender, vapid: Vapid, told: tuple[str, Mutation, int, str]
) -> None:
    vendor, mutate, status, words = told
    answer = exchange(sender, mutate(right_for(fake, vapid, vendor)))
    assert answer.status == status
    headers = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
    assert words in headers + answer.body.decode()
    assert len(fake.refusals()) == (status != 201)


@pytest.mark.parametrize(
    ("vendor", "status", "words"),
    [
        ("mozilla", 410, '"errno": 106'),
        ("fcm", 410, "push subscription has unsubscribed or expired."),
        ("apple", 410, '"Unregistered"'),
        ("wns", 410, ""),
        ("unifiedpush", 404, ""),
    ],
)
def test_each_vendor_says_in_its_own_way_that_a_subscription_has_ended(
    fake: PushService, sender: Sender, vapid: Vapid, vendor: str, status: int, words: str
) -> None:
    sent = right_for(fake, vapid, vendor)
    fake.expire(sent.subscription)
    answer = exchange(sender, sent)
    assert (answer.status, words in answer.body.decode()) == (status, True)
    assert fake.refusals() == []


def test_a_unifiedpush_server_says_that_it_is_one(
    fake: PushService, sender: Sender, vapid: Vapid
) -> None:
    endpoint = fake.subscribe(vapid.public_key, "unifiedpush").endpoint
    status, said = sender.request("GET", endpoint, [], b"")
    assert (status, json.loads(said)) == (200, {"unifiedpush": {"version": 1}})
    other = fake.subscribe(vapid.public_key, "fcm").endpoint
    assert sender.request("GET", other, [], b"")[0] == 405
