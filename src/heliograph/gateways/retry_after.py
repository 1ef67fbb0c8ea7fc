"""The Retry-After header (RFC 9110, 10.2.3)."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """Seconds, or a date; None if there is no readable one. At most four weeks."""
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        return min(timedelta(seconds=int(header[:9])), _LONGEST)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    return min(max(timedelta(), date.replace(tzinfo=date.tzinfo or UTC) - now), _LONGEST)


_LONGEST = timedelta(days=28)
