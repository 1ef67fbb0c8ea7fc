"""Access tokens: how Google knows a service account. OAuth 2.0 JWT bearer grant (RFC 7523).

Google Identity: "Using OAuth 2.0 for Server to Server Applications".
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

import jwt
import msgspec

from heliograph.gateways.http2 import Http, NoResponse, NotAllowed, Request, Response
from heliograph.gateways.retry_after import retry_after
from heliograph.model.credential import ServiceAccount
from heliograph.model.verdict import CredentialRefused, Retry

logger = logging.getLogger(__name__)

TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address
_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_LIFETIME = timedelta(hours=1)
_RENEWED_BEFORE_END = timedelta(minutes=5)
_PAUSE_AFTER_FAILURE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token. It does not show itself."""

    value: str
    renewed_at: datetime
    """From then on a new one is asked for; the old one is good a little longer."""
    expires_at: datetime

    def __repr__(self) -> str:
        return f"AccessToken(expires_at={self.expires_at!r})"


Failure = Retry | CredentialRefused


class _Account:
    """What is known of one service account; one request for a token at a time."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.token: AccessToken | None = None
        self.failure: tuple[datetime, Failure] | None = None


class AccessTokens:
    """Asks for one token for each service account, and uses it until shortly before its end."""

    def __init__(self, http: Http, url: str, now: Callable[[], datetime]) -> None:
        self._http = http
        self._url = url
        self._now = now
        self._accounts: dict[ServiceAccount, _Account] = {}
        self.clock_difference: timedelta | None = None
        """How far our clock was from Google's at the last answer; None before there is one."""

    def token_at_hand(self, account: ServiceAccount) -> AccessToken | None:
        """The token that is good now, if nothing has to be asked for it."""
        known = self._accounts.get(account)
        if known is None or known.token is None or self._now() >= known.token.renewed_at:
            return None
        return known.token

    async def token(self, account: ServiceAccount) -> AccessToken | Failure:
        """A token that is good now. The same failure is answered for ten seconds without asking."""
        if (good := self.token_at_hand(account)) is not None:
            return good
        known = self._accounts.setdefault(account, _Account())
        async with known.lock:
            token = known.token
            if token is not None and self._now() < token.renewed_at:
                return token
            answer = self._recent_failure(known) or await self._ask(known, account)
        if isinstance(answer, Retry) and token is not None and self._now() < token.expires_at:
            return token
        return answer

    def forget(self, account: ServiceAccount, token: AccessToken) -> None:
        """Ask for another next time: this one was not taken."""
        known = self._accounts.get(account)
        if known is not None and known.token == token:
            known.token = None

    def forgive(self, account: ServiceAccount) -> None:
        """Ask again next time, whatever was answered before: the account may have been mended."""
        known = self._accounts.get(account)
        if known is not None:
            known.failure = None

    def _recent_failure(self, known: _Account) -> Failure | None:
        if known.failure is None or self._now() - known.failure[0] >= _PAUSE_AFTER_FAILURE:
            return None
        return known.failure[1]

    async def _ask(self, known: _Account, account: ServiceAccount) -> AccessToken | Failure:
        now = self._now()
        said = await self._http.exchange(self._request(account, now))
        if isinstance(said, Response) and (date := _date_of(said)) is not None:
            self.clock_difference = abs(self._now() - date)
        answer = self._read(said, now)
        if isinstance(answer, AccessToken):
            known.token, known.failure = answer, None
        else:
            logger.warning("no access token for %s: %s", account.project_id, answer.reason)
            known.failure = now, answer
        return answer

    def _request(self, account: ServiceAccount, now: datetime) -> Request:
        claims = {
            "iss": account.client_email,
            "scope": _SCOPE,
            "aud": self._url,
            "iat": int(now.timestamp()),
            "exp": int((now + _ASSERTION_LIFETIME).timestamp()),
        }
        headers = {"kid": account.key_id}
        assertion = jwt.encode(claims, account.private_pem, "RS256", headers=headers)
        form = urlencode({"grant_type": _GRANT, "assertion": assertion}).encode()
        content_type = {"Content-Type": "application/x-www-form-urlencoded"}
        return Request(url=self._url, headers=content_type, body=form, asks=True)

    def _read(
        self, answer: Response | NoResponse | NotAllowed, now: datetime
    ) -> AccessToken | Failure:
        match answer:
            case Response(status=200):
                return _granted(answer.body, now)
            case Response():
                return _refused(answer, now)
            case NoResponse(reason):
                return Retry(f"no access token: {reason}")
            case NotAllowed():
                return CredentialRefused("the token endpoint must not be reached")


def _date_of(response: Response) -> datetime | None:
    try:
        date = parsedate_to_datetime(response.header("date") or "")
    except ValueError:
        return None
    return date.replace(tzinfo=date.tzinfo or UTC)


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: float


class _Refused(msgspec.Struct):
    error: str = ""


def _granted(body: bytes, now: datetime) -> AccessToken | Failure:
    try:
        granted = msgspec.json.decode(body, type=_Granted)
        lifetime = timedelta(seconds=granted.expires_in)
    except (msgspec.DecodeError, OverflowError, ValueError):
        return Retry("no access token: the answer can't be read")
    # A token of less than ten minutes is used for half its time.
    early = min(_RENEWED_BEFORE_END, lifetime / 2)
    return AccessToken(granted.access_token, now + lifetime - early, now + lifetime)


def _refused(response: Response, now: datetime) -> Failure:
    """RFC 6749, 5.2: 400 and 401 say that the account, its key or our clock is wrong."""
    status = response.status
    try:
        said = msgspec.json.decode(response.body, type=_Refused).error[:64]
    except msgspec.DecodeError:
        said = ""
    word = said if said.replace("_", "").isalnum() and said.isascii() else ""
    reason = f"no access token: HTTP {status} {word}".strip()
    if status == 429 or status >= 500:  # noqa: PLR2004
        return Retry(reason, retry_after(response.header("retry-after"), now))
    return CredentialRefused(reason)
