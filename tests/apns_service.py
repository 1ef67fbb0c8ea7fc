"""The strict fake APNs as a process of its own, and what tests ask of it."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from tests.fake_process import FakeProcess

BUNDLE = "com.example.app"
_TOPICS = x509.ObjectIdentifier("1.2.840.113635.100.6.3.6")
_ENVIRONMENTS = {
    "development": x509.ObjectIdentifier("1.2.840.113635.100.6.3.1"),
    "production": x509.ObjectIdentifier("1.2.840.113635.100.6.3.2"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of a developer team, as its .p8 file holds it."""

    team_id: str
    key_id: str
    private_pem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A client certificate with its key: as PEM, and as .p12 with a password."""

    pem: bytes
    p12: bytes
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer ordered in advance, for a request that is otherwise right.

    body: instead of the JSON with the reason. goaway: end the connection behind it, "at once" or
    "graceful". reset: RST_STREAM instead, with this error code (a name as in RFC 9113, section 7).
    cut: no answer, no connection. at: when to reset or cut: at the "headers", at the "end" of the
    request, or in the middle of the "answer". silent: no answer at all. With a status of 200 the
    message is received whatever follows, unless its stream is refused.
    """

    status: int = 200
    reason: str = ""
    timestamp_ms: int | None = None
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0
    goaway: Literal["", "at once", "graceful"] = ""
    reset: str = ""
    cut: bool = False
    at: Literal["headers", "end", "answer"] = "end"
    silent: bool = False


class ApnsService(FakeProcess):
    """A running fake APNs."""

    module = "tests.fakes.apns"

    @property
    def url(self) -> str:
        return f"https://localhost:{self.ports['production']}"

    @property
    def sandbox_url(self) -> str:
        return f"https://localhost:{self.ports['sandbox']}"

    def new_key(
        self,
        team_id: str | None = None,
        *,
        topics: Sequence[str] | None = None,
        sandbox: bool | None = None,
    ) -> Key:
        """A key of a team. topics, sandbox: all that it is good for; None: for all."""
        private = ec.generate_private_key(ec.SECP256R1())
        team, key_id = team_id or _ten_characters(), _ten_characters()
        public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.ask(
            "add_key",
            team=team,
            key=key_id,
            publicPem=public.decode(),
            topics=topics,
            sandbox=sandbox,
        )
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Key(team_id=team, key_id=key_id, private_pem=pem.decode())

    def new_certificate(
        self,
        topic: str = BUNDLE,
        *,
        days: int = 365,
        environments: Sequence[str] = tuple(_ENVIRONMENTS),
    ) -> Certificate:
        """A certificate for the topic, good for so many days (negative: over since)."""
        authority = x509.load_pem_x509_certificate((self.directory / "client-ca.pem").read_bytes())
        signer = load_pem_private_key((self.directory / "client-ca.key").read_bytes(), None)
        private = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.USER_ID, topic)]))
            .issuer_name(authority.subject)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=400))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.UnrecognizedExtension(_TOPICS, _topics_der(topic)), critical=False)
        )
        for environment in environments:
            null = x509.UnrecognizedExtension(_ENVIRONMENTS[environment], b"\x05\x00")
            builder = builder.add_extension(null, critical=False)
        certificate = builder.sign(signer, hashes.SHA256())  # type: ignore[arg-type]
        key_pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        password = secrets.token_hex(8)
        encryption = BestAvailableEncryption(password.encode())
        p12 = pkcs12.serialize_key_and_certificates(b"push", private, certificate, None, encryption)
        pem = certificate.public_bytes(Encoding.PEM) + key_pem
        return Certificate(pem=pem, p12=p12, password=password)

    def new_devices(self, count: int, *, topic: str = BUNDLE, sandbox: bool = False) -> list[str]:
        tokens = [secrets.token_hex(32) for _ in range(count)]
        self.ask("add_devices", tokens=tokens, topic=topic, sandbox=sandbox)
        return tokens

    def forget(self, token: str, *, timestamp_ms: int) -> None:
        """Answer 410 from now on."""
        self.ask("forget", token=token, timestampMs=timestamp_ms)

    def messages(self, token: str) -> list[dict[str, Any]]:
        """headers, payload, arrived_at (seconds since 1970) of what was received, oldest first."""
        return list(self.ask("messages", token=token))

    def message_counts(self) -> dict[str, int]:
        return dict(self.ask("counts"))

    def requests(self, token: str | None = None) -> list[dict[str, Any]]:
        return list(self.ask("requests", token=token))

    def request_count(self) -> int:
        return int(self.ask("request_count"))

    def answer_next(self, token: str | None, *answers: Answer) -> None:
        """Order the answers to the next right requests for a token, or for any (None)."""
        self.ask("order", token=token, answers=[asdict(answer) for answer in answers])

    def answer_all(self, answer: Answer | None) -> None:
        self.ask("order_all", answer=None if answer is None else asdict(answer))

    def limit_streams(self, streams: int) -> None:
        """Tell all senders of another limit, and hold them to it until the reset."""
        self.ask("limit_streams", streams=streams)

    def limit_connections(self, a_minute: int) -> None:
        """Take more connections of one team in a minute for a breach, until the reset."""
        self.ask("limit_connections", aMinute=a_minute)

    def go_deaf(self) -> None:
        """Leave the open connections open, but read nothing of them any more, not even a PING."""
        self.ask("go_deaf")

    def provider_tokens(self) -> int:
        """How many different provider tokens were ever seen."""
        return int(self.ask("provider_tokens"))

    def above_goaway(self) -> int:
        """How many requests came in behind a GOAWAY, and were not looked at."""
        return int(self.ask("above_goaway"))

    def connections(self) -> list[dict[str, Any]]:
        return list(self.ask("connections"))


def _ten_characters() -> str:
    return secrets.token_hex(5).upper()


def _topics_der(topic: str) -> bytes:
    """As Apple writes it: pairs of a topic and a sequence of its kinds."""
    pairs = [(topic, "app"), (f"{topic}.voip", "voip")]
    return _der(0x30, b"".join(_text(name) + _der(0x30, _text(kind)) for name, kind in pairs))


def _text(text: str) -> bytes:
    return _der(0x0C, text.encode())


def _der(tag: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([tag, len(content)]) + content
