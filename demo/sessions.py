"""Who is logged in to the demo app: a signed cookie, kept from scripts and from other sites."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import jwt
from starlette.requests import Request
from starlette.responses import Response

LIFETIME = timedelta(days=7)
# Cookies of localhost are shared by all its ports, hence a name that no other app will use.
COOKIE = "heliograph_demo_session"
ALGORITHM = "HS256"


def key_from(secret_key: str) -> bytes:
    """Derive the key of the cookies, so that no Beams token passes for a cookie, nor one for it."""
    return hmac.new(secret_key.encode(), b"session cookies of the demo", hashlib.sha256).digest()


def open_session(response: Response, user: str, key: bytes) -> None:
    expires_at = datetime.now(UTC) + LIFETIME
    cookie = jwt.encode({"sub": user, "exp": expires_at}, key, ALGORITHM)
    response.set_cookie(COOKIE, cookie, expires=expires_at, httponly=True, samesite="lax")


def close_session(response: Response) -> None:
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")


def user_of(request: Request, key: bytes) -> str | None:
    """Return who is logged in, None for nobody or a cookie that isn't ours."""
    cookie = request.cookies.get(COOKIE, "")
    try:
        claims = jwt.decode(cookie, key, [ALGORITHM], options={"require": ["sub", "exp"]})
    except jwt.InvalidTokenError:
        return None
    return str(claims["sub"])
