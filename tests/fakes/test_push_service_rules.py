"""Each rule of the fake push service, broken by one change to a message that is otherwise right."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes import es256
from tests.fakes.known_good import Sender, Vapid
from tests.fakes.push_messages import (
    TEXT,
    Mutation,
    Sent,
    authorization,
    authorized,
    body,
    claim,
    claims_with,
    encrypted,
    expiring,
    header,
    in_two_records,
    post,
    right_for,
    with_a_forged_claim,
    with_another_vapid_key,
    with_delimiter,
    with_der_signature,
    with_hmac,
    with_the_vapid_key_as_sender_key,
    without,
    without_claim,
)
from tests.fakes.push_service import base64url
from tests.fakes.push_service.encryption import EncryptedBody, plaintext_of
from tests.fakes.push_service.refusals import Rule
from tests.push_service import PushService


@pytest.fixture
def right(fake: PushService, vapid: Vapid) -> Sent:
    return right_for(fake, vapid, "mozilla")


MUTATIONS: list[tuple[Rule, int, Mutation]] = [
    (Rule.METHOD, 405, lambda sent: replace(sent, method="PUT")),
    (Rule.DUPLICATE_HEADER, 400, header("TTL", "60")),
    (Rule.DUPLICATE_HEADER, 400, header("Urgency", "high")),
    (Rule.TTL_MISSING, 400, without("ttl")),
    (Rule.TTL, 400, header("ttl", "-1")),
    (Rule.TTL, 400, header("ttl", "60.0")),
    (Rule.TTL, 400, header("ttl", "")),
    (Rule.URGENCY, 400, header("urgency", "urgent")),
    (Rule.URGENCY, 400, header("urgency", "low,high")),
    (Rule.TOPIC, 400, header("topic", "a" * 36)),
    (Rule.TOPIC, 400, header("topic", "a.bc")),
    (Rule.TOPIC, 400, header("topic", "abc=")),
    (Rule.TOPIC, 400, header("topic", "abcde")),
    (Rule.CONTENT_ENCODING, 400, without("content-encoding")),
    (Rule.CONTENT_ENCODING, 400, header("content-encoding", "aesgcm")),
    (Rule.LEGACY_HEADER, 400, header("encryption", "salt=DGv6ra1nlYgDCS1FRnbzlw")),
    (Rule.LEGACY_HEADER, 400, header("crypto-key", "dh=BP4z9KsN6nGRTbVYI_c7VJSPQTBt")),
    (Rule.AUTHORIZATION, 401, without("authorization")),
    (Rule.VAPID_SCHEME, 401, authorized(lambda t, k: f"WebPush t={t}, k={k}")),
    (Rule.VAPID_PARAMETERS, 401, authorized(lambda t, _: f"vapid t={t}")),
    (Rule.VAPID_PARAMETERS, 401, authorized(lambda t, k: f"vapid t={t}, k={k}, k={k}")),
    (Rule.VAPID_KEY_MISMATCH, 401, with_another_vapid_key),
    (Rule.VAPID_KEY, 401, authorized(lambda t, k: authorization(t, k + "="))),
    (Rule.VAPID_KEY, 401, authorized(lambda t, _: authorization(t, "B" + "A" * 86))),
    (Rule.VAPID_JWT, 401, authorized(lambda t, k: authorization(t.rpartition(".")[0], k))),
    (Rule.VAPID_JWT, 401, authorized(lambda t, k: authorization("!" + t, k))),
    (Rule.VAPID_JWT, 401, authorized(lambda t, k: authorization(t + "=", k))),
    (Rule.VAPID_ALGORITHM, 401, with_hmac),
    (Rule.VAPID_SIGNATURE, 401, with_der_signature),
    (Rule.VAPID_SIGNATURE, 401, with_a_forged_claim),
    (Rule.VAPID_AUDIENCE, 401, claims_with(lambda sent: {"aud": sent.claims["aud"] + "/"})),
    (Rule.VAPID_AUDIENCE, 401, claim("aud", "https://localhost")),
    (Rule.VAPID_AUDIENCE, 401, without_claim("aud")),
    (Rule.VAPID_AUDIENCE, 401, claims_with(lambda sent: {"aud": [sent.claims["aud"]]})),
    (Rule.VAPID_EXPIRY, 401, without_claim("exp")),
    (Rule.VAPID_EXPIRY, 401, expiring(-1)),
    (Rule.VAPID_EXPIRY, 401, expiring(24 * 3600 + 5)),
    (Rule.VAPID_EXPIRY, 401, claims_with(lambda sent: {"exp": str(sent.claims["exp"])})),
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
    (Rule.BODY_TOO_SHORT, 400, body(lambda right: right[:50])),
    (Rule.RECORD_SIZE, 400, body(lambda right: right[:16] + bytes(4) + right[20:])),
    (Rule.SENDER_KEY, 400, body(lambda right: right[:21] + b"\x02" + right[22:])),
    (Rule.DECRYPTION, 400, body(lambda right: bytes([right[0] ^ 1]) + right[1:])),
    (Rule.DECRYPTION, 400, body(lambda right: right + b"\0")),
    (Rule.DELIMITER, 400, with_delimiter(b"")),
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
    elsewhere = {Rule.SALT_REUSED, Rule.SENDER_KEY_REUSED, Rule.VAPID_RENEWAL, Rule.CACHE_POLICY}
    assert {rule for rule, _, _ in MUTATIONS} | elsewhere == set(Rule)


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


def test_the_signature_of_the_example_of_rfc_7515_verifies_and_no_other() -> None:
    """RFC 7515, appendix A.3."""
    x, y = (
        int.from_bytes(base64url.decode(text))
        for text in (
            "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        )
    )
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    signed = (
        b"eyJhbGciOiJFUzI1NiJ9."
        b"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
        b"cnVlfQ"
    )
    signature = base64url.decode(
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    )
    assert es256.verifies(key, signature, signed)
    assert not es256.verifies(key, signature, signed + b"x")
    assert not es256.verifies(key, signature[32:] + signature[:32], signed)
