"""Provider tokens: how APNs knows an Apple developer team. JWT, ES256.

Apple: "Establishing a token-based connection to APNs". A token is good for an hour and must not be
renewed more often than every 20 minutes, so one is shared by all who push with the same key.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

import jwt

from heliograph.model.credential import ApnsKey

_RENEWED_AFTER = timedelta(minutes=50)
_MAY_BE_RENEWED_AFTER = timedelta(minutes=20)
_MAX_TOKENS = 10_000


class ProviderTokens:
    """Signs once for each key, and uses the token again while it is fresh.

    When there are too many, the one that was not used for longest is forgotten.
    """

    def __init__(self, now: Callable[[], datetime], *, maximum: int = _MAX_TOKENS) -> None:
        self._now = now
        self._maximum = maximum
        self._tokens: OrderedDict[tuple[str, str, bytes], tuple[datetime, str]] = OrderedDict()

    def authorization(self, key: ApnsKey) -> str:
        """The authorization header."""
        name = _name(key)
        known = self._tokens.get(name)
        if known is not None and timedelta() <= self._now() - known[0] < _RENEWED_AFTER:
            self._tokens.move_to_end(name)
            return known[1]
        return self._sign(key)

    def renew(self, key: ApnsKey) -> bool:
        """Sign anew, unless it was done less than 20 minutes ago: then False."""
        known = self._tokens.get(_name(key))
        if known is not None and self._now() - known[0] < _MAY_BE_RENEWED_AFTER:
            return False
        self._sign(key)
        return True

    def _sign(self, key: ApnsKey) -> str:
        now = self._now()
        claims = {"iss": key.team_id, "iat": int(now.timestamp())}
        token = jwt.encode(claims, key.private_pem, "ES256", headers={"kid": key.key_id})
        self._tokens[_name(key)] = now, f"bearer {token}"
        self._tokens.move_to_end(_name(key))
        if len(self._tokens) > self._maximum:
            self._tokens.popitem(last=False)
        return f"bearer {token}"


def _name(key: ApnsKey) -> tuple[str, str, bytes]:
    return key.team_id, key.key_id, key.private_pem
