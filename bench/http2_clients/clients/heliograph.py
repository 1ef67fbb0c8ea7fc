"""pyreqwest as Heliograph uses it: src/heliograph/gateways/http2.py itself."""

import ipaddress
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from bench.http2_clients.job import Job
from heliograph.gateways import http2
from heliograph.gateways.guard import Address, Guard


class _Here(Guard):
    """Every host is this machine."""

    async def addresses_of(self, host: str, port: int, *, plain: bool) -> list[Address]:
        return [ipaddress.ip_address("127.0.0.1")]


class Client:
    """Our own client, with its timeouts shortened to those of the job."""

    def __init__(self, job: Job) -> None:
        http2._ANSWER_TIMEOUT = timedelta(seconds=job.answer_timeout_s)  # noqa: SLF001
        if job.ping_interval_s is not None:
            http2._PING_INTERVAL = timedelta(seconds=job.ping_interval_s)  # noqa: SLF001
        identity = None if job.identity is None else Path(job.identity).read_bytes()
        authority = Path(job.authority).read_bytes()
        # As APNs and FCM are asked.
        self._http = http2.Http(_Here(()), authority, identity=identity, only_http2=True)

    async def exchange(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        match await self._http.exchange(http2.Request(url=url, headers=headers, body=body)):
            case http2.Response(status=status):
                return status
            case http2.NoResponse(reason, certificate_refused):
                said = "our certificate is refused by a TLS alert" if certificate_refused else ""
                raise NoAnswerError(reason, said)
            case http2.NotAllowed():
                raise NoAnswerError("not allowed")

    async def close(self) -> None:
        await self._http.__aexit__(None, None, None)


class NoAnswerError(Exception):
    """What Heliograph says of a request without an answer."""
