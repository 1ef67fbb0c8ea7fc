"""The user that a path names."""

from urllib.parse import unquote_to_bytes

from starlette.requests import Request

from heliograph.model.errors import Invalid, NotFound
from heliograph.model.ids import UserId, parse_user_id
from heliograph.model.limits import MAX_USER_ID_CHARACTERS

_PLUS_IS_A_SPACE = ("ruby", "java", "php")
"""Official SDKs that write a space in a path as a plus; the others mean a plus by it."""


def user_id_of(request: Request, *, before: bytes = b"") -> UserId:
    """What of the path is behind /users/, as it was sent: some SDKs send slashes in ids bare.

    before: what the path ends in besides. Raises NotFound, Invalid.
    """
    raw: bytes = request.scope["raw_path"]
    encoded = raw.split(b"/users/", 1)[1].removesuffix(before)
    library = request.headers.get("x-pusher-library", "")
    if any(name in library for name in _PLUS_IS_A_SPACE):
        encoded = encoded.replace(b"+", b" ")
    try:
        text = unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError as error:
        raise Invalid("userId", "The user id is not UTF-8") from error
    if not text:
        raise NotFound("user")
    if len(text) > MAX_USER_ID_CHARACTERS:
        reason = f"'User id' is too long, max length is {MAX_USER_ID_CHARACTERS}"
        raise Invalid("userId", reason)
    return parse_user_id(text, "userId")
