"""Secrets at rest: AES-256-GCM, bound to what they are for, so that rows can't be swapped."""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from heliograph.model.errors import Misconfigured

MASTER_KEY_BYTES = 32
_NONCE_BYTES = 12


class MasterKey:
    """The key that all secrets are sealed with, 32 bytes. It does not show itself."""

    def __init__(self, value: bytes) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "MasterKey(…)"


def new_master_key() -> MasterKey:
    return MasterKey(secrets.token_bytes(MASTER_KEY_BYTES))


class Seal:
    """Seals and opens secrets with the master key."""

    def __init__(self, master_key: MasterKey) -> None:
        self._cipher = AESGCM(master_key.value)

    def close(self, secret: bytes, purpose: str) -> bytes:
        """Nonce and ciphertext. `purpose` names the row; the same is needed to open it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Raises Misconfigured if the master key is not the one that it was sealed with."""
        try:
            nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return self._cipher.decrypt(nonce, ciphertext, purpose.encode())
        except InvalidTag as error:
            raise Misconfigured(
                "the secrets in the database were sealed with another master key",
                "Set HELIOGRAPH_MASTER_KEY, or put back DATA/master.key, as it was before.",
            ) from error
