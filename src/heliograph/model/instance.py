"""An instance: one app's isolated space, and the secrets that belong to it."""

from dataclasses import dataclass
from datetime import datetime

from heliograph.model.errors import Invalid
from heliograph.model.ids import InstanceId, is_storable
from heliograph.model.limits import (
    MAX_INSTANCE_NAME_CHARACTERS,
    MAX_SECRET_KEY_CHARACTERS,
    MIN_SECRET_KEY_CHARACTERS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One app's isolated space."""

    id: InstanceId
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretKey:
    """Proves the app's server: the bearer of publishes, and the HMAC key of Beams tokens."""

    id: str
    value: str
    """Used as its ASCII text, never decoded. Not part of the repr."""
    created_at: datetime

    def __repr__(self) -> str:
        return f"SecretKey(id={self.id!r})"


def parse_secret_key(text: str) -> str:
    """A secret key that was brought along. Raises Invalid, without the key in its text."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise Invalid("secret-key", "must be printable ASCII without spaces")
    if not MIN_SECRET_KEY_CHARACTERS <= len(text) <= MAX_SECRET_KEY_CHARACTERS:
        bounds = f"{MIN_SECRET_KEY_CHARACTERS} to {MAX_SECRET_KEY_CHARACTERS}"
        raise Invalid("secret-key", f"must have {bounds} characters")
    return text


def parse_instance_name(text: str) -> str:
    """Raises Invalid."""
    if not 1 <= len(text) <= MAX_INSTANCE_NAME_CHARACTERS or not is_storable(text):
        raise Invalid("name", f"must have 1 to {MAX_INSTANCE_NAME_CHARACTERS} characters")
    return text
