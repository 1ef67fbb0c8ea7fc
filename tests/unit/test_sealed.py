"""Secrets at rest: opened only by the key, and for the purpose, that they were sealed with."""

import pytest

from heliograph.model.errors import Misconfigured
from heliograph.store.sealed import MasterKey, Seal

SEAL = Seal(MasterKey(bytes(32)))


def test_what_is_sealed_can_be_opened_and_is_not_readable() -> None:
    sealed = SEAL.close(b"secret", "a/1")
    assert SEAL.open(sealed, "a/1") == b"secret"
    assert b"secret" not in sealed
    assert sealed != SEAL.close(b"secret", "a/1")


def test_another_purpose_another_key_or_a_changed_byte_is_refused() -> None:
    sealed = SEAL.close(b"secret", "a/1")
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for seal, content, purpose in (
        (SEAL, sealed, "a/2"),
        (SEAL, changed, "a/1"),
        (Seal(MasterKey(bytes([1] * 32))), sealed, "a/1"),
    ):
        with pytest.raises(Misconfigured):
            seal.open(content, purpose)
