"""Pages of a list: how many, and behind what."""

from starlette.requests import Request

from heliograph.model.cursor import decode_cursor
from heliograph.model.errors import Invalid
from heliograph.model.schema import Integer, Object, Schema, Text

METADATA = Object(members={"nextCursor": Text(about="Not there on the last page.")})


def page_query(maximum: int) -> dict[str, Schema]:
    """What the query of a list may have, for pages of at most so many."""
    return {
        "limit": Integer(minimum=1, maximum=maximum, default=maximum),
        "cursor": Text(about="The nextCursor of the page before."),
    }


def limit_of(request: Request, maximum: int) -> int:
    """Raises Invalid."""
    text = request.query_params.get("limit", str(maximum))
    limit = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004
    if not 1 <= limit <= maximum:
        raise Invalid("limit", f"limit must be a number from 1 to {maximum}")
    return limit


def place_of(request: Request) -> str:
    """What the page begins behind, decoded; empty for the first. Raises Invalid."""
    text = request.query_params.get("cursor", "")
    return decode_cursor(text) if text else ""
