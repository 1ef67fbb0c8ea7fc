"""Reading a request: at most so many bytes, JSON, an object, of its schema.

What is wrong is said in words.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request

from heliograph.model.errors import Malformed
from heliograph.model.schema import Object, check

_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What the body of a request must be. name: in the OpenAPI document."""

    name: str
    schema: Object
    max_bytes: int


async def json_object(request: Request, declared: Body) -> dict[str, Any]:
    """The body, if it is as declared. Raises Malformed, Mismatch."""
    body = await _read(request, declared.max_bytes)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if body and kind != "application/json":
        raise Malformed("Invalid content type: send application/json")
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed("Invalid JSON payload") from error
    if not isinstance(parsed, dict):
        raise Malformed("Invalid JSON payload: it must be an object")
    check(declared.schema, parsed)
    return parsed


async def _read(request: Request, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            async for part in request.stream():
                size += len(part)
                if size > max_bytes:
                    raise Malformed(f"The body is too large: at most {max_bytes} bytes")
                parts.append(part)
    except TimeoutError as error:
        raise Malformed(f"The body did not arrive within {_TIMEOUT_S} seconds") from error
    return b"".join(parts)
