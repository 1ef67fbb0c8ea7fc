"""Requests to APNs that are right, to be made wrong in one way."""

import json
import time
import uuid
from typing import Any

import jwt

from tests.apns_service import BUNDLE, ApnsService, Key
from tests.fakes.raw_http2 import Header, RawConnection

ALERT = b'{"aps":{"alert":"hello"}}'


def signed(key: Key, **changed: Any) -> str:
    """An authorization header. claims, header: what is other than it should be."""
    claims = {"iss": key.team_id, "iat": int(time.time()), **changed.pop("claims", {})}
    header = {"kid": key.key_id, **changed.pop("header", {})}
    return f"bearer {jwt.encode(claims, key.private_pem, 'ES256', headers=header)}"


def headers_for(token: str, authorization: str | None) -> list[Header]:
    """All headers of a request for a device. authorization: None with a certificate."""
    headers = {
        ":method": "POST",
        ":scheme": "https",
        ":authority": "localhost",
        ":path": f"/3/device/{token}",
        "apns-id": str(uuid.uuid4()),
        "apns-topic": BUNDLE,
        "apns-push-type": "alert",
        "apns-priority": "10",
    }
    if authorization is not None:
        headers["authorization"] = authorization
    return list(headers.items())


def changed(headers: list[Header], **changes: str | None) -> list[Header]:
    """The same headers, some with another value or (None) left out."""
    by_name = {**dict(headers), **{name.replace("_", "-"): new for name, new in changes.items()}}
    return [(name, value) for name, value in by_name.items() if value is not None]


def connection_to(fake: ApnsService, environment: str = "production") -> RawConnection:
    return RawConnection(fake.ports[environment], fake.ca_file)


def send(connection: RawConnection, headers: list[Header], body: bytes = ALERT) -> tuple[int, str]:
    """Send a request; the status and the reason of its answer."""
    status, said = connection.answer(connection.send(headers, body))
    return status, json.loads(said or b"{}").get("reason", "")


def reasons(fake: ApnsService) -> list[str]:
    """What the fake has refused, in order; forgotten with this."""
    found = [one["rule"] for one in fake.refusals()]
    fake.clear_refusals()
    return found
