"""A web push sender that is known to be right: pywebpush, which the product doesn't use."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPSConnection
from typing import Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pywebpush import WebPushException, webpush
from requests import Session

from tests.fakes.push_service import base64url
from tests.push_service import PushService, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Vapid:
    """A sender's key pair. public_key, private_key: base64url, 65 and 32 bytes."""

    pair: ec.EllipticCurvePrivateKey
    public_key: str
    private_key: str

    @classmethod
    def generate(cls) -> Self:
        pair = ec.generate_private_key(ec.SECP256R1())
        point = pair.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return cls(
            pair=pair,
            public_key=base64url.encode(point),
            private_key=base64url.encode(pair.private_numbers().private_value.to_bytes(32)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the service answered. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Sender:
    """Sends with pywebpush, or any bytes at all, over TLS."""

    def __init__(self, push_service: PushService, vapid: Vapid) -> None:
        self._vapid = vapid
        self._trust = ssl.create_default_context(cafile=push_service.ca_file)
        self._session = Session()
        self._session.trust_env = False  # or REQUESTS_CA_BUNDLE wins over verify
        self._session.verify = str(push_service.ca_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._session.close()

    def push(self, subscription: Subscription, text: str, ttl: int = 60) -> int:
        """Send a message with pywebpush and return the status of the answer."""
        try:
            answer = webpush(
                subscription.as_json(),
                text,
                vapid_private_key=self._vapid.private_key,
                vapid_claims={"sub": "mailto:operator@example.com"},
                ttl=ttl,
                requests_session=self._session,
            )
        except WebPushException as refused:
            answer = refused.response
        return int(answer.status_code)

    def request(
        self, method: str, url: str, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[int, bytes]:
        """Send any request and return status and body of the answer."""
        answer = self.exchange(method, url, headers, body)
        return answer.status, answer.body

    def exchange(
        self, method: str, url: str, headers: list[tuple[str, str]], body: bytes
    ) -> Answered:
        """Send any request and return the whole answer."""
        parts = urlsplit(url)
        connection = HTTPSConnection("localhost", parts.port, timeout=10, context=self._trust)
        try:
            connection.putrequest(method, f"{parts.path}?{parts.query}".rstrip("?"))
            for name, value in [*headers, ("content-length", str(len(body)))]:
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            said = {name.lower(): value for name, value in response.getheaders()}
            return Answered(status=response.status, headers=said, body=response.read())
        finally:
            connection.close()
