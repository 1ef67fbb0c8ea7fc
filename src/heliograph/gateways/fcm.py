"""FCM: how Android phones are reached. FCM HTTP v1.

Firebase: "Send a message using FCM HTTP v1 API", "FCM Error Codes", "ErrorCode" (REST reference).
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from heliograph.gateways.access_token import AccessToken, AccessTokens
from heliograph.gateways.base import Message
from heliograph.gateways.http2 import Http, NoResponse, NotAllowed, Request, Response
from heliograph.gateways.retry_after import retry_after
from heliograph.model.credential import ServiceAccount
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

URL = "https://fcm.googleapis.com"
_QUOTA_PAUSE = timedelta(seconds=60)
_QUOTA = BackOff(first=_QUOTA_PAUSE)
_TYPE_PREFIX = "type.googleapis.com/"
_FCM_ERROR = _TYPE_PREFIX + "google.firebase.fcm.v1.FcmError"

_DELIVERED = Delivered()
_TOKEN_REFUSED = CredentialRefused("UNAUTHENTICATED")

ERRORS: Mapping[tuple[int, str], Verdict] = {
    (401, "THIRD_PARTY_AUTH_ERROR"): CredentialRefused("THIRD_PARTY_AUTH_ERROR"),
    (401, "UNAUTHENTICATED"): _TOKEN_REFUSED,
    (403, "SENDER_ID_MISMATCH"): DeviceGone("SENDER_ID_MISMATCH", mismatch=True),
    (403, "PERMISSION_DENIED"): CredentialRefused("PERMISSION_DENIED"),
    (404, "UNREGISTERED"): DeviceGone("UNREGISTERED"),
}
"""FCM's errors that don't follow from the status alone: status and FcmError, else status text."""


class Fcm:
    """Sends to FCM with one service account."""

    def __init__(
        self,
        http: Http,
        url: str,
        account: ServiceAccount,
        tokens: AccessTokens,
        now: Callable[[], datetime],
    ) -> None:
        self._http = http
        self._url = f"{url}/v1/projects/{account.project_id}/messages:send"
        self._account = account
        self._tokens = tokens
        self._now = now

    async def send(self, message: Message, device: Device) -> Verdict:
        token = self._tokens.token_at_hand(self._account)
        if token is None:
            answer = await self._tokens.token(self._account)
            if not isinstance(answer, AccessToken):
                return answer
            token = answer
        verdict = await self._try(message, device, token)
        if verdict is not _TOKEN_REFUSED:
            return verdict
        # It may have been revoked before its time: once more with a new one.
        self._tokens.forget(self._account, token)
        again = await self._tokens.token(self._account)
        return await self._try(message, device, again) if isinstance(again, AccessToken) else again

    async def _try(self, message: Message, device: Device, token: AccessToken) -> Verdict:
        answer = await self._http.exchange(request_for(message, device, token, self._url))
        match answer:
            case Response(status=200):
                return _DELIVERED
            case Response():
                return verdict_of(answer, self._now())
            case NoResponse(reason):
                return Retry(reason)
            case NotAllowed():
                return Drop("FCM is in a network that must not be reached")


def request_for(message: Message, device: Device, token: AccessToken, url: str) -> Request:
    """The request that carries the message to the device."""
    headers = {
        "Authorization": f"Bearer {token.value}",
        "Content-Type": "application/json",
        **message.headers,
    }
    return Request(url=url, headers=headers, body=addressed(message.body, device.push_token))


def addressed(request: bytes, push_token: str) -> bytes:
    """The request with the device as its message's target. Its message ends the request."""
    return request.removesuffix(b"}}") + b',"token":' + msgspec.json.encode(push_token) + b"}}"


def verdict_of(response: Response, now: datetime) -> Verdict:
    """What FCM's answer means."""
    status = response.status
    if status == 200:  # noqa: PLR2004
        return _DELIVERED
    error = _read(response.body)
    asked = retry_after(response.header("retry-after"), now)
    shown = f"HTTP {status} {error.code}".strip()
    known = ERRORS.get((status, error.code))
    if known is not None:
        return known
    if status == 400 and error.is_about_the_token:  # noqa: PLR2004
        return DeviceGone(shown, mismatch=True)
    if status in {401, 403, 404}:
        # A page that says 404 is about the project in the address, never about a device.
        return CredentialRefused(shown)
    if status == 429:  # noqa: PLR2004
        return Retry(shown, asked or _QUOTA_PAUSE, _QUOTA)
    return Retry(shown, asked) if status >= 500 else Drop(shown)  # noqa: PLR2004


class _Detail(msgspec.Struct):
    type: str = msgspec.field(name="@type", default="")
    error_code: str = msgspec.field(name="errorCode", default="")
    field_violations: list[msgspec.Raw] = msgspec.field(name="fieldViolations", default=[])


class _Status(msgspec.Struct):
    status: str = ""
    message: str = ""
    details: list[_Detail] = []  # msgspec copies it


class _Body(msgspec.Struct):
    error: _Status


class _Error(msgspec.Struct, frozen=True):
    code: str = ""
    """FcmError.errorCode, else error.status; empty if the answer is no such JSON."""
    is_about_the_token: bool = False


def _read(body: bytes) -> _Error:
    try:
        error = msgspec.json.decode(body, type=_Body).error
    except msgspec.DecodeError:
        return _Error()
    codes = [one.error_code for one in error.details if one.type == _FCM_ERROR]
    code = (codes or [error.status])[0][:64]
    code = code if code.replace("_", "").isalnum() and code.isascii() else ""
    # One bad payload gets 400 for every device: only words about the token are about the token.
    about_token = (
        codes == ["INVALID_ARGUMENT"]
        and not any(one.field_violations for one in error.details)
        and "registration token" in error.message
    )
    return _Error(code, about_token)
