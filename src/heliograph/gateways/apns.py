"""APNs: how iPhones, iPads and Macs are reached. Apple's provider API over HTTP/2.

Apple: "Sending notification requests to APNs", "Handling notification responses from APNs".
"""

import itertools
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from heliograph.gateways.base import Message
from heliograph.gateways.http2 import Http, NoResponse, NotAllowed, Request, Response
from heliograph.gateways.provider_token import ProviderTokens
from heliograph.gateways.retry_after import retry_after
from heliograph.model.credential import ApnsCertificate, ApnsKey
from heliograph.model.device import Device
from heliograph.model.verdict import (
    BackOff,
    CredentialRefused,
    Delivered,
    DeviceGone,
    Drop,
    Retry,
    Verdict,
)

logger = logging.getLogger(__name__)

PRODUCTION = "https://api.push.apple.com"
SANDBOX = "https://api.sandbox.push.apple.com"

OUTAGE = BackOff(after_two=timedelta(minutes=15))
"""Apple asks to wait 15 minutes after a server error; two tries come before that."""
TOO_MANY = BackOff(first=timedelta(seconds=60), longest=timedelta(minutes=20))
_DELIVERED = Delivered()
_IMMEDIATE_TRIES = 3

TOPIC_SUFFIXES: Mapping[str, str] = {
    "alert": "",
    "background": "",
    "voip": ".voip",
    "complication": ".complication",
    "fileprovider": ".pushkit.fileprovider",
    "location": ".location-query",
    "liveactivity": ".push-type.liveactivity",
    "pushtotalk": ".voip-ptt",
    "widgets": ".push-type.widgets",
    "controls": ".push-type.controls",
    "mdm": "",
}
"""The push types, and what the topic of each ends in besides the bundle id."""

REASONS: Mapping[tuple[int, str], Verdict] = {
    (400, "BadDeviceToken"): DeviceGone("BadDeviceToken", mismatch=True),
    (400, "BadTopic"): CredentialRefused("BadTopic"),
    (400, "DeviceTokenNotForTopic"): DeviceGone("DeviceTokenNotForTopic", mismatch=True),
    (400, "IdleTimeout"): Retry("IdleTimeout"),
    (400, "MissingTopic"): CredentialRefused("MissingTopic"),
    (400, "TopicDisallowed"): CredentialRefused("TopicDisallowed"),
    (403, "BadCertificate"): CredentialRefused("BadCertificate"),
    (403, "BadCertificateEnvironment"): CredentialRefused("BadCertificateEnvironment"),
    (403, "ExpiredProviderToken"): CredentialRefused("ExpiredProviderToken"),
    (403, "Forbidden"): CredentialRefused("Forbidden", final=True),
    (403, "InvalidProviderToken"): CredentialRefused("InvalidProviderToken"),
    (403, "MissingProviderToken"): CredentialRefused("MissingProviderToken"),
    (403, "UnrelatedKeyIdInToken"): CredentialRefused("UnrelatedKeyIdInToken"),
    # Apple's page spells it the first way; the second was seen on the wire.
    (403, "BadEnvironmentKeyIdInToken"): CredentialRefused("BadEnvironmentKeyIdInToken"),
    (403, "BadEnvironmentKeyInToken"): CredentialRefused("BadEnvironmentKeyInToken"),
    (429, "TooManyProviderTokenUpdates"): Retry("TooManyProviderTokenUpdates", None, TOO_MANY),
    (429, "TooManyRequests"): Retry("TooManyRequests", None, TOO_MANY),
    (503, "Shutdown"): Retry("Shutdown"),
}
"""APNs reasons that don't follow from the status alone, in the order of Apple's table."""

_AT_ONCE_ON_ANOTHER_CONNECTION = frozenset({"IdleTimeout", "Shutdown"})
_ONCE_ON_ANOTHER_CONNECTION = frozenset({"InvalidProviderToken", "UnrelatedKeyIdInToken"})
_TOO_OFTEN = "TooManyProviderTokenUpdates"
_OF_THE_CONNECTION = _AT_ONCE_ON_ANOTHER_CONNECTION | _ONCE_ON_ANOTHER_CONNECTION | {_TOO_OFTEN}


class Apns:
    """Sends to APNs with one key or certificate."""

    def __init__(
        self,
        http: Http,
        url: str,
        credential: ApnsKey | ApnsCertificate,
        tokens: ProviderTokens,
        now: Callable[[], datetime],
    ) -> None:
        self._http = http
        self._url = url
        self._devices = f"{url}/3/device/"
        self._credential = credential
        self._bundle_id = bundle_id_of(credential)
        self._ids = _new_ids()
        self._tokens = tokens
        self._now = now

    async def send(self, message: Message, device: Device) -> Verdict:
        verdict = await self._try(message, device)
        if verdict is _DELIVERED:
            return verdict
        remedies = set[str]()
        for _ in range(_IMMEDIATE_TRIES):
            remedy = self._remedy(verdict, remedies)
            if remedy is None:
                break
            remedies.add(remedy)
            verdict = await self._try(message, device)
        return verdict

    async def check(self) -> Verdict:
        """What APNs says of the credential: sends to a device that can't be, which gets nothing."""
        headers = {"apns-push-type": "alert", "apns-priority": "10", "apns-expiration": "0"}
        body = b'{"aps":{"alert":"check"}}'
        message = Message(body=body, headers=headers, expires_at=self._now())
        answer = await self._http.exchange(self._request_for(message, "0" * 64))
        return _meaning(answer, datetime.fromtimestamp(0, UTC), self._now())

    def _remedy(self, verdict: Verdict, used: set[str]) -> str | None:
        """Set right what can be, and name it; None if another try at once would be of no use."""
        reason = getattr(verdict, "reason", "")
        if reason in _AT_ONCE_ON_ANOTHER_CONNECTION:
            return reason
        if reason in used:
            return None
        if reason in _ONCE_ON_ANOTHER_CONNECTION:
            return reason
        key = self._credential
        if (
            reason == "ExpiredProviderToken"
            and isinstance(key, ApnsKey)
            and self._tokens.renew(key)
        ):
            return reason
        return None

    async def _try(self, message: Message, device: Device) -> Verdict:
        answer = await self._http.exchange(self._request_for(message, device.push_token))
        if isinstance(answer, Response) and answer.status == 200:  # noqa: PLR2004
            return _DELIVERED
        verdict = _meaning(answer, device.registered_at, self._now())
        reason = getattr(verdict, "reason", "")
        if isinstance(answer, Response) and reason in _OF_THE_CONNECTION:
            self._http.renew(self._url, connection=answer.connection)
        if reason == _TOO_OFTEN:
            logger.error("APNs says that its token is renewed too often: does another program too?")
        return verdict

    def _request_for(self, message: Message, push_token: str) -> Request:
        headers = {
            "apns-id": next(self._ids),
            "apns-topic": self._bundle_id + TOPIC_SUFFIXES[message.headers["apns-push-type"]],
            "content-type": "application/json",
            **message.headers,
        }
        if isinstance(self._credential, ApnsKey):
            headers["authorization"] = self._tokens.authorization(self._credential)
        return Request(url=self._devices + push_token, headers=headers, body=message.body)


def _new_ids() -> Iterator[str]:
    """An endless row of UUIDs: random but for the last digits, which are counted.

    A random one for each message costs a twentieth of what sending it costs (measured: 2.5 us).
    """
    start = str(uuid.uuid4())[:-12]
    return (f"{start}{number:012x}" for number in itertools.count())


def bundle_id_of(credential: ApnsKey | ApnsCertificate) -> str:
    """The topic of plain notifications."""
    if isinstance(credential, ApnsKey):
        return credential.bundle_id
    return credential.topics[0]


def verdict_of(response: Response, registered_at: datetime, now: datetime) -> Verdict:
    """What APNs's answer means. registered_at: when the device last registered its token."""
    status = response.status
    if status == 200:  # noqa: PLR2004
        return _DELIVERED
    reason, gone_at = _read(response.body)
    asked = retry_after(response.header("retry-after"), now)
    known = REASONS.get((status, reason))
    if isinstance(known, Retry):
        return Retry(known.reason, asked, known.back_off)
    if known is not None:
        return known
    shown = f"HTTP {status} {reason}".strip()
    if status == 410:  # noqa: PLR2004
        if gone_at is not None and registered_at >= gone_at:
            return Drop(f"{shown}, but registered again since")
        return DeviceGone(shown)
    return Retry(shown, asked, OUTAGE) if status >= 500 else Drop(shown)  # noqa: PLR2004


def _meaning(
    answer: Response | NoResponse | NotAllowed, registered_at: datetime, now: datetime
) -> Verdict:
    match answer:
        case Response():
            return verdict_of(answer, registered_at, now)
        case NoResponse(certificate_refused=True):
            return CredentialRefused("the TLS certificate was refused")
        case NoResponse(reason):
            return Retry(reason)
        case NotAllowed():
            return Drop("APNs is in a network that must not be reached")


class _Body(msgspec.Struct):
    reason: str = ""
    timestamp: int | None = None


def _read(body: bytes) -> tuple[str, datetime | None]:
    """Reason, and for 410 since when the token is known to be invalid (sent in milliseconds)."""
    try:
        said = msgspec.json.decode(body, type=_Body)
        gone_at = said.timestamp and datetime.fromtimestamp(said.timestamp / 1000, UTC)
    except (msgspec.DecodeError, ValueError, OverflowError, OSError):
        return "", None
    reason = said.reason[:64]
    return reason if reason.isalnum() and reason.isascii() else "", gone_at or None
