"""What a push service answers, and what makes one vendor's service differ from another's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tests.fakes.push_service.refusals import RefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Vendor(Protocol):
    """A module of tests.fakes.push_service.vendors. headers: the request's, names in lower case.

    TARGET: path and query of an endpoint, with {token} in it. LEAST_RENEWAL_S: how long a sender
    has to use a VAPID token before the next. EXPLANATION: the answer to a GET, if it is allowed.
    """

    TARGET: str
    LEAST_RENEWAL_S: int
    EXPLANATION: Answer | None

    def accepted(self, location: str, ttl: str, /) -> Answer:
        """The message was taken."""
        ...

    def gone(self) -> Answer:
        """The subscription has ended, or never was."""
        ...

    def refused(self, error: RefusedError) -> Answer:
        """The message breaks a rule."""
        ...

    def check(self, headers: Mapping[str, str]) -> None:
        """Check what no other vendor asks for. Raises RefusedError."""
        ...
