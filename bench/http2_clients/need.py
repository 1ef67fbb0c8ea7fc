"""A need, the result of asking whether a client meets it, and what the asking takes."""

import asyncio
import os
import ssl
import sys
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import trustme

from bench.http2_clients.job import Done, Job, Outcome
from tests.apns_service import ApnsService

_REPOSITORY = Path(__file__).parent.parent.parent
_CHILD_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Result:
    """met: whether the need is. said: what was seen, in a few words. figures: the same, counted."""

    met: bool
    said: str
    figures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ran:
    """A child's end. done: None if it hung or died before it could say anything."""

    done: Done | None
    exit_code: int

    def outcomes(self, burst: int = 0) -> list[Outcome]:
        return [] if self.done is None else self.done.outcomes[burst]

    def successes(self, burst: int = 0) -> int:
        return sum(outcome.is_success for outcome in self.outcomes(burst))

    def failures(self, burst: int = 0) -> list[str]:
        return [one.failure for one in self.outcomes(burst) if one.status is None]


@dataclass(slots=True)
class Bench:
    """What the probes share. directory: for their files, empty at first."""

    directory: Path
    apns: ApnsService
    authority: trustme.CA = field(default_factory=trustme.CA)
    exits: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    @property
    def authority_file(self) -> str:
        return self.file("ca.pem", self.authority.cert_pem.bytes())

    def file(self, name: str, content: bytes) -> str:
        """Write a file and return its path."""
        path = self.directory / name
        path.write_bytes(content)
        return str(path)

    def tls(self, *names: str) -> ssl.SSLContext:
        """The server's side, with a certificate for the names, by the bench's own authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["h2", "http/1.1"])
        self.authority.issue_cert(*(names or ("localhost",))).configure_cert(context)
        return context

    async def run(self, client: str, port: int, **wishes: Any) -> Ran:
        """Let a child of our own do a job with the client. wishes: fields of Job."""
        job = Job(client=client, port=port, **{"authority": self.authority_file, **wishes})
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.http2_clients.child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=_REPOSITORY,
            env={**os.environ, "PYTHONPATH": f"{_REPOSITORY / 'src'}{os.pathsep}{_REPOSITORY}"},
        )
        said = b""
        try:
            async with asyncio.timeout(_CHILD_TIMEOUT_S):
                said, _ = await child.communicate(msgspec.json.encode(job))
        except TimeoutError:
            child.kill()
        code = await child.wait()
        self.exits[client][code] += 1
        with suppress(msgspec.DecodeError):
            return Ran(msgspec.json.decode(said, type=Done), code)
        return Ran(None, code)


@dataclass(frozen=True, slots=True)
class Need:
    """What a client must be able to do. probe: asks a client, by name."""

    name: str
    title: str
    probe: Callable[[Bench, str], Awaitable[Result]]
