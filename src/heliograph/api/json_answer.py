"""Answers with times in them."""

import msgspec
from starlette.responses import Response


def json_answer(shown: object) -> Response:
    """JSON of what may hold times, which are written as ISO 8601 has them."""
    return Response(msgspec.json.encode(shown), media_type="application/json")
