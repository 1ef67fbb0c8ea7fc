"""Push messages that are right, and the ways to make one wrong by a single change."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from tests.fakes.known_good import Answered, Sender, Vapid
from tests.fakes.push_service import base64url
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


def right_for(fake: PushService, vapid: Vapid, vendor: str) -> Sent:
    subscription = fake.subscribe(vapid.public_key, vendor)
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
    return exchange(sender, sent).status


def exchange(sender: Sender, sent: Sent) -> Answered:
    headers = list(sent.headers.items())
    return sender.exchange(sent.method, sent.subscription.endpoint, headers, sent.body)


def fresh() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


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
