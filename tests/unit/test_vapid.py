"""RFC 8292: one signature for each key and origin, fresh enough for every service."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest

from heliograph.gateways.vapid import VapidSigner, new_vapid_key

START = datetime(2026, 1, 1, tzinfo=UTC)
ORIGIN = "https://push.example"


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def claims_of(authorization: str) -> dict[str, object]:
    token = authorization.removeprefix("vapid t=").split(",")[0]
    return dict(jwt.decode(token, options={"verify_signature": False}))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_signature_is_used_again_while_it_is_fresh(clock: Clock) -> None:
    signer, key = VapidSigner("mailto:ops@example.com", clock), new_vapid_key()
    first = signer.authorization(key, ORIGIN)
    clock.now += timedelta(hours=5, minutes=59)
    assert signer.authorization(key, ORIGIN) == first
    clock.now += timedelta(minutes=2)
    assert signer.authorization(key, ORIGIN) != first


def test_it_expires_within_what_services_take(clock: Clock) -> None:
    signer = VapidSigner("mailto:ops@example.com", clock)
    claims = claims_of(signer.authorization(new_vapid_key(), ORIGIN))
    assert claims == {
        "aud": ORIGIN,
        "sub": "mailto:ops@example.com",
        "exp": int((START + timedelta(hours=12)).timestamp()),
    }


def test_each_origin_and_each_key_has_its_own_signature(clock: Clock) -> None:
    signer, key = VapidSigner(None, clock), new_vapid_key()
    assert claims_of(signer.authorization(key, "https://other.example"))["aud"] != ORIGIN
    first = signer.authorization(key, ORIGIN)
    assert signer.authorization(new_vapid_key(), ORIGIN) != first


def test_a_signature_that_was_refused_is_made_anew(clock: Clock) -> None:
    signer, key = VapidSigner(None, clock), new_vapid_key()
    first = signer.authorization(key, ORIGIN)
    clock.now += timedelta(minutes=1)
    signer.forget(key, ORIGIN, "another")
    assert signer.authorization(key, ORIGIN) == first
    signer.forget(key, ORIGIN, first)
    assert signer.authorization(key, ORIGIN) != first


def test_of_too_many_signatures_the_one_not_used_for_longest_is_forgotten(clock: Clock) -> None:
    signer, key = VapidSigner(None, clock, maximum=2), new_vapid_key()
    often, seldom = "https://often.example", "https://seldom.example"
    first = {origin: signer.authorization(key, origin) for origin in (often, seldom)}
    clock.now += timedelta(minutes=1)
    assert signer.authorization(key, often) == first[often]
    signer.authorization(key, ORIGIN)
    assert signer.authorization(key, often) == first[often]
    assert signer.authorization(key, seldom) != first[seldom]


def test_the_private_key_does_not_show_itself() -> None:
    key = new_vapid_key()
    assert "PRIVATE" in key.private_pem.decode()
    assert "PRIVATE" not in repr(key)
