"""Beams tokens: signed by the app's server, they say "the holder is user X until exp".

JWT with HS256 and nothing else. The key is the secret key as ASCII text, not decoded from hex.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt

from heliograph.model.errors import Forbidden, Invalid, Unauthorized
from heliograph.model.ids import InstanceId, UserId, parse_user_id
from heliograph.model.instance import SecretKey
from heliograph.model.limits import CLOCK_LEEWAY

LIFETIME = timedelta(hours=24)
_ALGORITHM = "HS256"
_MAX_EXPIRY = 10**15
_SDK_HOST = "{instance_id}.pushnotifications.pusher.com"


def sign(user_id: UserId, instance_id: InstanceId, key: SecretKey, *, now: datetime) -> str:
    """A token as the official server SDKs make it, good for 24 hours."""
    claims = {
        "sub": user_id,
        "iss": f"https://{_SDK_HOST.format(instance_id=instance_id)}",
        "exp": int((now + LIFETIME).timestamp()),
    }
    return jwt.encode(claims, key.value, _ALGORITHM)


def verify(
    token: str,
    instance_id: InstanceId,
    keys: Iterable[SecretKey],
    *,
    own_url: str,
    now: datetime,
) -> UserId:
    """Who the token speaks for.

    `own_url`: this server's base URL, accepted as issuer beside the one of the official SDKs.
    The time of issue is not looked at: clocks of app servers run ahead.
    Raises Invalid for a missing or impossible claim, Unauthorized for a token that is not ours or
    has expired, Forbidden for another instance's issuer.
    """
    claims = _read_unverified(token)
    user_id = _required_claims(claims)
    _check_signature(token, keys)
    if _expiry(claims) <= (now - CLOCK_LEEWAY).timestamp():
        raise Unauthorized("Invalid JWT claims: Token is expired")
    if not _is_issuer(claims["iss"], instance_id, own_url):
        raise Forbidden("Invalid JWT issuer.")
    return user_id


def _read_unverified(token: str) -> dict[str, Any]:
    try:
        parsed = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError) as error:
        raise Unauthorized("The JWT is malformed") from error
    if parsed["header"].get("alg") != _ALGORITHM:
        raise Unauthorized("Invalid JWT: the signing algorithm must be HS256")
    return dict(parsed["payload"])


def _required_claims(claims: dict[str, Any]) -> UserId:
    for name in ("exp", "sub", "iss"):
        if name not in claims:
            raise Invalid(name, f"the JWT claim `{name}` is missing")
    if not isinstance(claims["iss"], str) or not claims["iss"]:
        raise Invalid("iss", "the JWT claim `iss` must be a URL")
    _expiry(claims)
    return parse_user_id(claims["sub"], "sub")


def _expiry(claims: dict[str, Any]) -> float:
    value = claims["exp"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid("exp", "the JWT claim `exp` must be a number of seconds since 1970")
    # False for infinity and NaN, too, which JSON in Python has.
    if not value <= _MAX_EXPIRY:
        raise Invalid("exp", "the JWT claim `exp` is no time that will ever come")
    return value


def _check_signature(token: str, keys: Iterable[SecretKey]) -> None:
    # Only the signature: the claims are checked above, by rules of our own.
    options = {f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub")}
    for key in keys:
        try:
            jwt.decode(token, key.value, algorithms=[_ALGORITHM], options=options)  # type: ignore[arg-type]
        except jwt.InvalidTokenError:
            continue
        return
    raise Unauthorized("Invalid JWT: the signature does not match any secret key of this instance")


def _is_issuer(issuer: str, instance_id: InstanceId, own_url: str) -> bool:
    # One official SDK leaves out the scheme; none derives the issuer from its endpoint setting.
    accepted = {_SDK_HOST.format(instance_id=instance_id), _host_of(own_url)}
    return _host_of(issuer) in accepted


def _host_of(url: str) -> str:
    """Host and path without scheme, case and trailing slash."""
    try:
        split = urlsplit(url if "://" in url else f"//{url}")
    except ValueError:
        return ""
    return f"{split.netloc}{split.path}".lower().rstrip("/")
