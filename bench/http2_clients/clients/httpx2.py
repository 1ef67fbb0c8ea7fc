"""httpx2: httpcore2 and h2, in Python, with TLS by the interpreter's OpenSSL."""

import ssl
from collections.abc import Mapping

import httpx2

from bench.http2_clients.clients.base import CONNECT_TIMEOUT_S
from bench.http2_clients.job import Job


class Client:
    """One client. It can't be told an address for a name, but a name for an address."""

    def __init__(self, job: Job) -> None:
        tls = ssl.create_default_context(cafile=job.authority)
        if job.identity is not None:
            tls.load_cert_chain(job.identity)
        timeout = httpx2.Timeout(job.answer_timeout_s, connect=CONNECT_TIMEOUT_S)
        self._client = httpx2.AsyncClient(
            http2=True, verify=tls, timeout=timeout, trust_env=False, follow_redirects=False
        )
        self._name = job.host
        self._authority = f"{job.host}:{job.port}"
        self._origin, self._address = job.origin, f"https://127.0.0.1:{job.port}"

    async def exchange(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        answer = await self._client.post(
            url.replace(self._origin, self._address, 1),
            headers={**headers, "host": self._authority},
            content=body,
            extensions={"sni_hostname": self._name},
        )
        return int(answer.status_code)

    async def close(self) -> None:
        await self._client.aclose()
