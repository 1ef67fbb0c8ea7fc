"""RFC 8291: its own example to the byte, and an independent implementation for all the rest."""

import base64
import os

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from heliograph.gateways.encrypt import encrypt, fresh_key

CURVE = ec.SECP256R1()


def octets(base64url: str) -> bytes:
    return base64.urlsafe_b64decode(base64url + "=" * (-len(base64url) % 4))


def test_the_example_of_rfc_8291_comes_out_to_the_byte() -> None:
    sender = int.from_bytes(octets("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
    body = encrypt(
        b"When I grow up, I want to be a watermelon",
        p256dh=octets(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        ),
        auth=octets("BTBZMqHH6r4Tts7J_aSIgg"),
        salt=octets("DGv6ra1nlYgDCS1FRnbzlw"),
        sender=ec.derive_private_key(sender, CURVE),
    )
    assert body == octets(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmY"
        "WAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexS"
        "gSxsj_Qulcy4a-fN"
    )


@given(st.binary(min_size=1, max_size=3993))
def test_an_independent_implementation_decrypts_every_message(plaintext: bytes) -> None:
    browser, auth = ec.generate_private_key(CURVE), os.urandom(16)
    point = browser.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    body = encrypt(plaintext, p256dh=point, auth=auth, salt=os.urandom(16), sender=fresh_key())
    assert len(body) == len(plaintext) + 86 + 17
    decrypted = http_ece.decrypt(body, private_key=browser, auth_secret=auth, version="aes128gcm")
    assert decrypted == plaintext
