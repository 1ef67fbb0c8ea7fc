"""The strict fake FCM as a process of its own, and what tests ask of it."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.fake_process import FakeProcess

_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer ordered in advance, for a request that is otherwise right.

    body: text as it is, anything else as JSON. delivers: the message is received all the same.
    cut: no answer, no connections any more.
    """

    status: int
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0
    delivers: bool = False
    cut: bool = False


class FcmService(FakeProcess):
    """A running fake FCM with its token endpoint."""

    module = "tests.fakes.fcm"

    @property
    def url(self) -> str:
        return f"https://localhost:{self.ports['https']}"

    @property
    def token_url(self) -> str:
        return f"{self.url}/token"

    def new_account(self) -> dict[str, str]:
        """A service account of a new project, as its file has it."""
        private = rsa.generate_private_key(65537, 2048)
        public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        project, key_id = f"project-{secrets.token_hex(4)}", secrets.token_hex(20)
        email = f"sender@{project}.iam.gserviceaccount.com"
        self.ask(
            "add_account", project=project, email=email, keyId=key_id, publicPem=public.decode()
        )
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return {
            "type": "service_account",
            "project_id": project,
            "private_key_id": key_id,
            "private_key": pem.decode(),
            "client_email": email,
            "token_uri": "https://oauth2.googleapis.com/token",
        }

    def delete_account(self, email: str) -> None:
        self.ask("delete_account", email=email)

    def new_devices(self, project: str, count: int) -> list[str]:
        tokens = [
            f"{secrets.token_urlsafe(16)}:APA91b{secrets.token_hex(67)}" for _ in range(count)
        ]
        self.ask("add_devices", tokens=tokens, project=project)
        return tokens

    def forget(self, token: str) -> None:
        """Answer 404 UNREGISTERED from now on."""
        self.ask("forget", token=token)

    def messages(self, token: str) -> list[dict[str, Any]]:
        """Message (without its token) and arrived_at of what was received."""
        return list(self.ask("messages", token=token))

    def validated(self, token: str) -> list[dict[str, Any]]:
        """The same of what was only to be validated, and so is received by no device."""
        return list(self.ask("validated", token=token))

    def message_counts(self) -> dict[str, int]:
        return dict(self.ask("counts"))

    def requests(self, token: str | None = None) -> list[dict[str, Any]]:
        return list(self.ask("requests", token=token))

    def token_requests(self) -> list[int]:
        """The statuses of all answers of the token endpoint."""
        return list(self.ask("token_requests"))

    def revoke_access_tokens(self) -> None:
        self.ask("revoke")

    def set_clock_ahead(self, seconds: int) -> None:
        """Let the token endpoint's Date header be so much in the future."""
        self.ask("set_clock_ahead", seconds=seconds)

    def limit_token_lifetime(self, seconds: int) -> None:
        """Issue access tokens that are good for so long, until the reset."""
        self.ask("limit_token_lifetime", seconds=seconds)

    def limit_device_rate(self, a_minute: int) -> None:
        """Answer 429 to more messages to one device in a minute, until the reset."""
        self.ask("limit_device_rate", aMinute=a_minute)

    def answer_next(self, token: str, *answers: Answer) -> None:
        self.ask("order", token=token, answers=[asdict(answer) for answer in answers])

    def answer_next_token_request(self, *answers: Answer) -> None:
        self.answer_next("token endpoint", *answers)

    def answer_all(self, answer: Answer | None) -> None:
        self._order_all("send", answer)

    def answer_all_token_requests(self, answer: Answer | None) -> None:
        self._order_all("token endpoint", answer)

    def _order_all(self, kind: str, answer: Answer | None) -> None:
        self.ask("order_all", kind=kind, answer=None if answer is None else asdict(answer))


def fcm_error(status: int, code: str, error_code: str | None = None) -> Answer:
    """An error as Google writes it; error_code: that of the FcmError in its details."""
    details = [] if error_code is None else [{"@type": _FCM_ERROR, "errorCode": error_code}]
    said = {"code": status, "message": code.lower(), "status": code, "details": details}
    return Answer(status=status, body={"error": said})


def invalid_field(field_name: str) -> Answer:
    """What FCM says of a message of which a field is wrong: for every device the same."""
    bad = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": field_name, "description": "Invalid value"}],
    }
    return _invalid_argument(f"Invalid value at '{field_name}'", bad)


def invalid_token() -> Answer:
    """What FCM says of a token that is none: the same code, but about one device."""
    fcm = {"@type": _FCM_ERROR, "errorCode": "INVALID_ARGUMENT"}
    return _invalid_argument("The registration token is not a valid FCM registration token", fcm)


def _invalid_argument(message: str, detail: dict[str, Any]) -> Answer:
    status = "INVALID_ARGUMENT"
    said = {"code": 400, "message": message, "status": status, "details": [detail]}
    return Answer(status=400, body={"error": said})
