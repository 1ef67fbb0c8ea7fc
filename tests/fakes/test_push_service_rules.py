"""Each rule of the fake push service, broken by one change to a message that is otherwise right."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import http_ece
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from tests.fakes.known_good import Sender, Vapid
from tests.fakes.push_service import base64url
from tests.fakes.push_service.encryption import EncryptedBody, plaintext_of
from tests.fakes.push_service.refusals import Rule
from tests.push_service import PushService, Subscription

TEXT = b'{"notification": {"title": "hello"}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A right request, and what is needed to make it again with one change."""

    subscription: Subscription
    vapid: Vapid
    claims: Mapping[str, Any]
    body: bytes
    headers: Mapping[str, str]
    method: str = "POST"


Mutation = Callable[[Sent], Sent]


@pytest.fixture
def right(fake: PushService, vapid: Vapid) -> Sent:
    subscription = fake.subscribe(vapid.public_key)
    expiry = int(time.time()) + 3600
    claims = {"aud": fake.origin, "exp": expiry, "sub": "mailto:operator@example.com"}
    headers = {
        "ttl": "60",
        "urgency": "high",
        "topic": "dXBkYXRl",
        "content-encoding": "aes128gcm",
        "authorization": authorization(token(claims, vapid), vapid.public_key),
    }
    return Sent(
        subscription=subscription,
        vapid=vapid,
        claims=claims,
        body=encrypted(subscription, ec.generate_private_key(ec.SECP256R1())),
        headers=headers,
    )


def authorization(jwt_text: str, key: str) -> str:
    return f"vapid t={jwt_text}, k={key}"


def token(claims: Mapping[str, Any], vapid: Vapid) -> str:
    return jwt.encode(dict(claims), vapid.pair, algorithm="ES256")


def encrypted(
    subscription: Subscription, sender: ec.EllipticCurvePrivateKey, record_size: int = 4096
) -> bytes:
    body = http_ece.encrypt(
        TEXT,
        private_key=sender,
        dh=base64url.decode(subscription.p256dh),
        auth_secret=base64url.decode(subscription.auth),
        rs=record_size,
    )
    return bytes(body)


def post(sender: Sender, sent: Sent) -> int:
    headers = list(sent.headers.items())
    status, _ = sender.request(sent.method, sent.subscription.endpoint, headers, sent.body)
    return status


def without(name: str) -> Mutation:
    return lambda sent: replace(
        sent, headers={key: value for key, value in sent.headers.items() if key != name}
    )


def header(name: str, value: str) -> Mutation:
    return lambda sent: replace(sent, headers={**sent.headers, name: value})


def claim(name: str, value: object) -> Mutation:
    return claims_with(lambda _: {name: value})


def without_claim(name: str) -> Mutation:
    return lambda sent: claims_with(lambda _: {})(
        replace(sent, claims={key: value for key, value in sent.claims.items() if key != name})
    )


def expiring(in_s: int) -> Mutation:
    return claims_with(lambda _: {"exp": int(time.time()) + in_s})


def claims_with(change: Callable[[Sent], Mapping[str, Any]]) -> Mutation:
    def mutate(sent: Sent) -> Sent:
        changed = token({**sent.claims, **change(sent)}, sent.vapid)
        return header("authorization", authorization(changed, sent.vapid.public_key))(sent)

    return mutate


def authorized(change: Callable[[str, str], str]) -> Mutation:
    """Build the Authorization header anew from the right token and key."""
    return lambda sent: header(
        "authorization", change(token(sent.claims, sent.vapid), sent.vapid.public_key)
    )(sent)


def body(change: Callable[[bytes], bytes]) -> Mutation:
    return lambda sent: replace(sent, body=change(sent.body))


def with_another_vapid_key(sent: Sent) -> Sent:
    other = Vapid.generate()
    right_otherwise = authorization(token(sent.claims, other), other.public_key)
    return header("authorization", right_otherwise)(sent)


def with_hmac(sent: Sent) -> Sent:
    forged = jwt.encode(dict(sent.claims), "k" * 32, algorithm="HS256")
    return header("authorization", authorization(forged, sent.vapid.public_key))(sent)


def with_der_signature(sent: Sent) -> Sent:
    signed = token(sent.claims, sent.vapid).rpartition(".")[0]
    signature = sent.vapid.pair.sign(signed.encode(), ec.ECDSA(SHA256()))
    der = f"{signed}.{base64url.encode(signature)}"
    return header("authorization", authorization(der, sent.vapid.public_key))(sent)


def with_a_forged_claim(sent: Sent) -> Sent:
    head, _, signature = token(sent.claims, sent.vapid).split(".")
    claims = token({**sent.claims, "sub": "mailto:other@example.com"}, sent.vapid).split(".")[1]
    forged = authorization(f"{head}.{claims}.{signature}", sent.vapid.public_key)
    return header("authorization", forged)(sent)


def in_two_records(sent: Sent) -> Sent:
    sender = ec.generate_private_key(ec.SECP256R1())
    return replace(sent, body=encrypted(sent.subscription, sender, record_size=40))


def with_the_vapid_key_as_sender_key(sent: Sent) -> Sent:
    return replace(sent, body=encrypted(sent.subscription, sent.vapid.pair))


def with_delimiter(delimiter: bytes) -> Mutation:
    def mutate(sent: Sent) -> Sent:
        sender = ec.generate_private_key(ec.SECP256R1())
        head = encrypted(sent.subscription, sender)[:86]
        key, nonce = http_ece.derive_key(
            "encrypt",
            version="aes128gcm",
            salt=head[:16],
            key=None,
            private_key=sender,
            dh=base64url.decode(sent.subscription.p256dh),
            auth_secret=base64url.decode(sent.subscription.auth),
            keyid=None,
        )
        return replace(sent, body=head + AESGCM(key).encrypt(nonce, TEXT + delimiter, None))

    return mutate


MUTATIONS: list[tuple[Rule, int, Mutation]] = [
    (Rule.METHOD, 405, lambda sent: replace(sent, method="PUT")),
    (Rule.DUPLICATE_HEADER, 400, header("TTL", "60")),
    (Rule.TTL_MISSING, 400, without("ttl")),
    (Rule.TTL, 400, header("ttl", "-1")),
    (Rule.TTL, 400, header("ttl", "60.0")),
    (Rule.TTL, 400, header("ttl", "")),
    (Rule.URGENCY, 400, header("urgency", "urgent")),
    (Rule.URGENCY, 400, header("urgency", "low,high")),
    (Rule.TOPIC, 400, header("topic", "a" * 36)),
    (Rule.TOPIC, 400, header("topic", "a.bc")),
    (Rule.TOPIC, 400, header("topic", "abcde")),
    (Rule.CONTENT_ENCODING, 400, without("content-encoding")),
    (Rule.CONTENT_ENCODING, 400, header("content-encoding", "aesgcm")),
    (Rule.LEGACY_HEADER, 400, header("encryption", "salt=DGv6ra1nlYgDCS1FRnbzlw")),
    (Rule.LEGACY_HEADER, 400, header("crypto-key", "dh=BP4z9KsN6nGRTbVYI_c7VJSPQTBt")),
    (Rule.AUTHORIZATION, 401, without("authorization")),
    (Rule.VAPID_SCHEME, 401, authorized(lambda t, k: f"WebPush t={t}, k={k}")),
    (Rule.VAPID_PARAMETERS, 401, authorized(lambda t, _: f"vapid t={t}")),
    (Rule.VAPID_PARAMETERS, 401, authorized(lambda t, k: f"vapid t={t}, k={k}, k={k}")),
    (Rule.VAPID_KEY, 401, with_another_vapid_key),
    (Rule.VAPID_KEY, 401, authorized(lambda t, k: authorization(t, k + "="))),
    (Rule.VAPID_KEY, 401, authorized(lambda t, _: authorization(t, "B" + "A" * 86))),
    (Rule.VAPID_JWT, 401, authorized(lambda t, k: authorization(t.rpartition(".")[0], k))),
    (Rule.VAPID_JWT, 401, authorized(lambda t, k: authorization("!" + t, k))),
    (Rule.VAPID_ALGORITHM, 401, with_hmac),
    (Rule.VAPID_SIGNATURE, 401, with_der_signature),
    (Rule.VAPID_SIGNATURE, 401, with_a_forged_claim),
    (Rule.VAPID_AUDIENCE, 401, claims_with(lambda sent: {"aud": sent.claims["aud"] + "/"})),
    (Rule.VAPID_AUDIENCE, 401, claim("aud", "https://localhost")),
    (Rule.VAPID_AUDIENCE, 401, without_claim("aud")),
    (Rule.VAPID_EXPIRY, 401, without_claim("exp")),
    (Rule.VAPID_EXPIRY, 401, expiring(-1)),
    (Rule.VAPID_EXPIRY, 401, expiring(24 * 3600 + 5)),
    (Rule.VAPID_EXPIRY, 401, claim("exp", "4102444800")),
    (Rule.VAPID_SUBJECT, 401, without_claim("sub")),
    (Rule.VAPID_SUBJECT, 401, claim("sub", "operator@example.com")),
    (Rule.VAPID_SUBJECT, 401, claim("sub", "mailto:<operator@example.com>")),
    (Rule.VAPID_SUBJECT, 401, claim("sub", "mailto:admin@localhost")),
    (Rule.VAPID_SUBJECT, 401, claim("sub", "https://localhost/")),
    (Rule.VAPID_SUBJECT, 401, claim("sub", "http://example.com/")),
    (Rule.VAPID_SUBJECT, 401, claim("sub", "https://[")),
    (Rule.BODY_TOO_LARGE, 413, body(lambda right: right.ljust(4097, b"\0"))),
    (Rule.BODY_TOO_SHORT, 400, body(lambda right: right[: 86 + 16])),
    (Rule.KEY_ID_LENGTH, 400, body(lambda right: right[:20] + b"\x40" + right[21:])),
    (Rule.RECORD_SIZE, 400, body(lambda right: right[:16] + b"\0\0\0\x11" + right[20:])),
    (Rule.ONE_RECORD, 400, in_two_records),
    (Rule.SENDER_KEY, 400, body(lambda right: right[:22] + bytes(64) + right[86:])),
    (Rule.SENDER_KEY_IS_VAPID_KEY, 400, with_the_vapid_key_as_sender_key),
    (Rule.DECRYPTION, 400, body(lambda right: right[:-1] + bytes([right[-1] ^ 1]))),
    (Rule.DELIMITER, 400, with_delimiter(b"\x01")),
    (Rule.DELIMITER, 400, with_delimiter(b"\x03")),
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[rule for rule, _, _ in MUTATIONS])
def test_one_broken_rule_is_one_refusal_by_its_name(
    fake: PushService, sender: Sender, right: Sent, mutation: tuple[Rule, int, Mutation]
) -> None:
    rule, status, mutate = mutation
    assert post(sender, mutate(right)) == status
    assert [refusal.rule for refusal in fake.refusals()] == [rule]
    assert fake.messages(right.subscription) == []


def test_the_message_that_the_mutations_start_from_is_right(
    fake: PushService, sender: Sender, right: Sent
) -> None:
    assert post(sender, right) == 201
    assert fake.refusals() == []
    assert [message.text for message in fake.messages(right.subscription)] == [TEXT.decode()]


def test_a_salt_is_refused_the_second_time(fake: PushService, sender: Sender, right: Sent) -> None:
    assert [post(sender, right), post(sender, right)] == [201, 400]
    assert [refusal.rule for refusal in fake.refusals()] == [Rule.SALT_REUSED]


def test_a_sender_key_is_refused_the_second_time(
    fake: PushService, sender: Sender, right: Sent
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pair = [replace(right, body=encrypted(right.subscription, key)) for _ in range(2)]
    assert [post(sender, sent) for sent in pair] == [201, 400]
    assert [refusal.rule for refusal in fake.refusals()] == [Rule.SENDER_KEY_REUSED]


def test_every_rule_has_a_test() -> None:
    twice = {Rule.SALT_REUSED, Rule.SENDER_KEY_REUSED}
    assert {rule for rule, _, _ in MUTATIONS} | twice == set(Rule)


def test_the_decryption_reads_the_example_of_rfc_8291() -> None:
    """RFC 8291, section 5 and appendix A."""
    private_key = base64url.decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")
    message = base64url.decode(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmY"
        "WAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexS"
        "gSxsj_Qulcy4a-fN"
    )
    parsed = EncryptedBody.parse(message)
    plaintext = plaintext_of(
        message,
        ec.derive_private_key(int.from_bytes(private_key), ec.SECP256R1()),
        base64url.decode("BTBZMqHH6r4Tts7J_aSIgg"),
    )
    assert (len(message), parsed.record_size) == (144, 4096)
    assert plaintext == b"When I grow up, I want to be a watermelon"
