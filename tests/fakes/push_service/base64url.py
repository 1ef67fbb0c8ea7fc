"""base64url without padding, read strictly (RFC 7515, section 2)."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Decode text. Raises: ValueError for padding, a foreign character or an impossible length."""
    if not _ALPHABET.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError(f"not unpadded base64url: {text[:40]!r}")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
