"""Instants as people and programs write them."""

from datetime import UTC, datetime

from heliograph.model.errors import Invalid


def parse_instant(text: str, field: str) -> datetime:
    """A date, or a date and time, as ISO 8601 has it; UTC unless it says otherwise.

    Raises Invalid.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        reason = f"{field} must be a time like 2026-05-01T12:30:00Z"
        raise Invalid(field, reason) from error
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
