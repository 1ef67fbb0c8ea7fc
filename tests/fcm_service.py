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


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer ordered in advance, for a request that is otherwise right."""

    status: int
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0


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
        """Message (without its token), validate_only, arrived_at of what was received."""
        return list(self.ask("messages", token=token))

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

    def answer_next(self, token: str, *answers: Answer) -> None:
        self.ask("order", token=token, answers=[asdict(answer) for answer in answers])

    def answer_all(self, answer: Answer | None) -> None:
        self._order_all("send", answer)

    def answer_all_token_requests(self, answer: Answer | None) -> None:
        self._order_all("token endpoint", answer)

    def _order_all(self, kind: str, answer: Answer | None) -> None:
        self.ask("order_all", kind=kind, answer=None if answer is None else asdict(answer))


def fcm_error(status: int, code: str, error_code: str | None = None) -> Answer:
    """An error as Google writes it; error_code: that of the FcmError in its details."""
    fcm = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
    details = [] if error_code is None else [{"@type": fcm, "errorCode": error_code}]
    said = {"code": status, "message": code.lower(), "status": code, "details": details}
    return Answer(status=status, body={"error": said})
