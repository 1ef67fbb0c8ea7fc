"""Cursors: where the next page of a list begins, as text that says nothing to whom it is given."""

import base64
import binascii

from heliograph.model.errors import Invalid


def encode_cursor(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def decode_cursor(text: str) -> str:
    """The place that was encoded. Raises Invalid."""
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return decoded.decode()
    except (binascii.Error, ValueError) as error:
        raise wrong_cursor() from error


def wrong_cursor() -> Invalid:
    return Invalid("cursor", "cursor must be the nextCursor of an earlier answer")
