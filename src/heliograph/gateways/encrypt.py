"""Web Push message encryption: RFC 8291 over the aes128gcm coding of RFC 8188."""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_CURVE = ec.SECP256R1()
_AGREEMENT = ec.ECDH()
_RECORD_SIZE_AND_KEY_ID_LENGTH = (4096).to_bytes(4, "big") + bytes([65])
# Marks the last record; there is only one (RFC 8188, 2; RFC 8291, 4).
_LAST_RECORD = b"\x02"


def encrypt(
    plaintext: bytes,
    *,
    p256dh: bytes,
    auth: bytes,
    salt: bytes,
    sender: ec.EllipticCurvePrivateKey,
) -> bytes:
    """Encrypt one message for one browser. RFC 8291, section 3.4.

    plaintext: at most 3993 bytes. p256dh: the browser's point, 65 bytes; auth: its secret, 16.
    salt: 16 random bytes, and sender: a P-256 key, both fresh for each message.
    Returns the header of 86 bytes and the ciphertext, which is 17 bytes longer than the plaintext.
    """
    browser = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, p256dh)
    own = sender.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = sender.exchange(_AGREEMENT, browser)
    key_material = _expand(_extract(auth, shared), b"WebPush: info\0" + p256dh + own)
    pseudorandom = _extract(salt, key_material)
    key = _expand(pseudorandom, b"Content-Encoding: aes128gcm\0")[:16]
    nonce = _expand(pseudorandom, b"Content-Encoding: nonce\0")[:12]
    header = salt + _RECORD_SIZE_AND_KEY_ID_LENGTH + own
    return header + AESGCM(key).encrypt(nonce, plaintext + _LAST_RECORD, None)


def fresh_key() -> ec.EllipticCurvePrivateKey:
    """A sender's key for one message."""
    return ec.generate_private_key(_CURVE)


def _extract(salt: bytes, key_material: bytes) -> bytes:
    """RFC 5869, 2.2."""
    return hmac.digest(salt, key_material, hashlib.sha256)


def _expand(pseudorandom: bytes, info: bytes) -> bytes:
    """RFC 5869, 2.3, for up to 32 bytes: a single round."""
    return hmac.digest(pseudorandom, info + b"\x01", hashlib.sha256)
