"""The rules for the body of a push message: aes128gcm, RFC 8188 as narrowed by RFC 8291."""

from dataclasses import dataclass, field
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec
from http_ece import ECEException, decrypt

from tests.fakes.push_service.refusals import RefusedError, Rule

MAX_BODY_BYTES = 4096  # what a push service has to take (RFC 8030, section 7.2)
KEY_ID_BYTES = 65  # an uncompressed P-256 point
HEADER_BYTES = 16 + 4 + 1 + KEY_ID_BYTES
MIN_RECORD_BYTES = 18  # a tag of 16 bytes, the delimiter, one byte of text (RFC 8188, section 2)
MIN_BODY_BYTES = HEADER_BYTES + 17  # the text may be empty


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedBody:
    """The header of an aes128gcm body, and how long its ciphertext is."""

    salt: bytes
    record_size: int
    sender_key: bytes
    ciphertext_bytes: int

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Take a body apart and check its form, without any key."""
        if len(body) > MAX_BODY_BYTES:
            raise RefusedError(Rule.BODY_TOO_LARGE, f"{len(body)} bytes")
        if len(body) < MIN_BODY_BYTES:
            raise RefusedError(Rule.BODY_TOO_SHORT, f"{len(body)} bytes")
        if body[20] != KEY_ID_BYTES:
            raise RefusedError(Rule.KEY_ID_LENGTH, f"{body[20]} bytes")
        parsed = cls(
            salt=body[:16],
            record_size=int.from_bytes(body[16:20]),
            sender_key=body[21:HEADER_BYTES],
            ciphertext_bytes=len(body) - HEADER_BYTES,
        )
        parsed._check()
        return parsed

    def _check(self) -> None:
        if self.record_size < MIN_RECORD_BYTES:
            raise RefusedError(Rule.RECORD_SIZE, str(self.record_size))
        if self.ciphertext_bytes > self.record_size:
            detail = f"{self.ciphertext_bytes} bytes in records of {self.record_size}"
            raise RefusedError(Rule.ONE_RECORD, detail)
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.sender_key)
        except ValueError as error:
            raise RefusedError(Rule.SENDER_KEY, str(error)) from error


@dataclass(slots=True)
class SeenOnce:
    """Salts and sender keys of all messages so far: a fresh pair is due for each."""

    salts: set[bytes] = field(default_factory=set)
    sender_keys: set[bytes] = field(default_factory=set)

    def add(self, body: EncryptedBody) -> None:
        """Remember a message's salt and key. Raises: RefusedError if either was used before."""
        if body.salt in self.salts:
            raise RefusedError(Rule.SALT_REUSED, body.salt.hex())
        if body.sender_key in self.sender_keys:
            raise RefusedError(Rule.SENDER_KEY_REUSED, body.sender_key.hex())
        self.salts.add(body.salt)
        self.sender_keys.add(body.sender_key)


def plaintext_of(body: bytes, private_key: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """Decrypt a body as the user agent would. Raises: RefusedError if it doesn't work out."""
    try:
        return bytes(decrypt(body, private_key=private_key, auth_secret=auth))
    except ECEException as error:
        detail = str(error)
        lacks_delimiter = "delimiter" in detail or "all zero" in detail
        rule = Rule.DELIMITER if lacks_delimiter else Rule.DECRYPTION
        raise RefusedError(rule, detail) from error
