"""Reading a request: at most so many bytes, JSON, an object. What is wrong is said in words."""

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request

from heliograph.model.errors import Invalid, Malformed

_TIMEOUT_S = 30


async def json_object(request: Request, *, max_bytes: int) -> dict[str, Any]:
    """The body as an object. Raises Malformed."""
    body = await _read(request, max_bytes)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if body and kind != "application/json":
        raise Malformed("Invalid content type: send application/json")
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed("Invalid JSON payload") from error
    if not isinstance(parsed, dict):
        raise Malformed("Invalid JSON payload: it must be an object")
    return parsed


def optional_object(body: dict[str, Any], name: str) -> dict[str, Any] | None:
    """A member that may be missing. Raises Invalid if it is not an object."""
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise Invalid(name, "must be an object")
    return value


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
