"""Errors on the wire: the one table from what went wrong to status and words.

Every answer that is not 200 has a JSON body with a non-empty `error` and `description`: an official
SDK dies of less.
"""

import logging
import math
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heliograph.model.errors import (
    Forbidden,
    HeliographError,
    Incomplete,
    Invalid,
    LimitReached,
    Malformed,
    Misconfigured,
    Mismatch,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
)

logger = logging.getLogger(__name__)

#: Statuses and titles as the hosted service gives them. A schema error is 422 in the publish API
#: (see `_worded`), everywhere else an invalid value is 400.
_WIRE: Mapping[type[HeliographError], tuple[int, str]] = {
    Malformed: (400, "Bad Request"),
    Incomplete: (400, "Incomplete Request"),
    Invalid: (400, "Bad Request"),
    Mismatch: (400, "Bad Request"),
    Unauthorized: (401, "Unauthorized"),
    Forbidden: (403, "Forbidden"),
    NotFound: (404, "Not found"),
    LimitReached: (422, "Unprocessable Entity"),
    RateLimited: (429, "Rate Limited"),
    Unavailable: (503, "Service Unavailable"),
    # The operator's fault: the server was started with another master key.
    Misconfigured: (500, "Something went wrong"),
}

#: Titles and descriptions of what routing refuses.
_HTTP_WORDS: Mapping[int, tuple[str, str]] = {
    404: ("Not found", "There is nothing at this path"),
    405: ("Method not allowed", "This path is there, but not with {method}"),
}


def wire_error(status: int, title: str, description: str) -> JSONResponse:
    """The one shape of an error."""
    return JSONResponse({"error": title, "description": description}, status)


def known_error(request: Request, error: Exception) -> Response:
    """An error that was raised on purpose."""
    if not isinstance(error, HeliographError):
        raise TypeError from error
    answer = wire_error(*_worded(request, error))
    if isinstance(error, Unavailable | RateLimited):
        answer.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after.total_seconds())))
    if isinstance(error, Misconfigured):
        logger.error("%s", error)
    return answer


def http_error(request: Request, error: Exception) -> Response:
    """No such route, or not with this method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    title, description = _HTTP_WORDS.get(status, ("Bad Request", "This can't be answered"))
    words = description.format(method=request.method)
    answer = wire_error(status, title, f"{words}: see the API documentation for what there is")
    if isinstance(error, HTTPException) and error.headers:
        answer.headers.update(error.headers)
    return answer


def unknown_error(_request: Request, _error: Exception) -> Response:
    """A fault of ours. The server logs it with its traceback; the caller learns nothing of it."""
    return wire_error(500, "Something went wrong", "An internal error; it has been logged")


def _worded(request: Request, error: HeliographError) -> tuple[int, str, str]:
    """Status, title and description."""
    status, title = _WIRE[type(error)]
    description = str(error)
    match error:
        case Invalid() if request.url.path.startswith("/publish_api/"):
            status, title = 422, "Unprocessable Entity"
            description = f"`{error.field}`: {error.reason}"
        case Mismatch():
            description = f"`{error.field}`: {error.reason}"
        case Invalid():
            description = error.reason
        case NotFound(what="instance"):
            title, description = "Instance not found", "Could not find the instance"
        case NotFound():
            description = f"{error.what.capitalize()} not found"
        case LimitReached():
            status, title, description = _limit_reached(request, error)
        case Misconfigured():
            description = "The server is not set up right; its log says more"
    return status, title, description


def _limit_reached(request: Request, error: LimitReached) -> tuple[int, str, str]:
    if error.limit == "interests":
        return 400, "Interest set too large", f"A device has at most {error.maximum} interests"
    description = f"User has reached the maximum of {error.maximum} devices"
    if "/devices/apns/" in request.url.path:
        # Apple's SDK would send a 422 again and again, and nothing else meanwhile; 400 it drops.
        return 400, "Bad Request", description
    return 422, "Unprocessable Entity", description
