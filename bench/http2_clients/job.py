"""What a child process is told to do with a client, and what it says came of it."""

from collections.abc import Sequence

import msgspec

HANGS = "hangs"
"""The failure of a request that its client still waits for, well after its timeout."""


class Burst(msgspec.Struct, frozen=True, kw_only=True):
    """Requests that are all sent at once, one for each path, and then a pause."""

    paths: Sequence[str]
    pause_s: float = 0


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Requests for so long, with so many in flight."""

    in_flight: int
    seconds: float


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A client as it is to be made, and what to send with it to one port of this machine."""

    client: str
    port: int
    authority: str
    """File of the only CA, or the one besides the system's, that is trusted."""
    host: str = "localhost"
    """What the server is called; it is always at 127.0.0.1."""
    identity: str | None = None
    """File of a client certificate and its key."""
    answer_timeout_s: float = 10
    ping_interval_s: float | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    bursts: Sequence[Burst] = ()
    load: Load | None = None
    uvloop: bool = True
    """As the service has it; else asyncio's own loop."""

    @property
    def origin(self) -> str:
        return f"https://{self.host}:{self.port}"


class Outcome(msgspec.Struct, frozen=True):
    """What the client said of one request: a status, or why there is none."""

    status: int | None
    failure: str = ""

    @property
    def is_success(self) -> bool:
        return self.status == 200  # noqa: PLR2004


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a child says at its end. outcomes: of each burst, in the order of its paths."""

    outcomes: list[list[Outcome]]
    successes: int = 0
    failures: int = 0
    elapsed_s: float = 0
    cpu_s: float = 0
