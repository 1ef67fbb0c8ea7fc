"""pycurl: libcurl and nghttp2, with TLS by OpenSSL, in the caller's event loop."""

from collections.abc import Mapping
from typing import Any

import pycurl

from bench.http2_clients.clients.base import CONNECT_TIMEOUT_S
from bench.http2_clients.job import Job

_STREAMS = 1000
"""libcurl puts no more on a connection, whatever the server allows; its default is 100."""


class Client:
    """One multi handle; easy handles are used again."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._multi = pycurl.AsyncCurlMulti()
        self._multi.setopt(pycurl.M_MAX_CONCURRENT_STREAMS, _STREAMS)
        self._free: list[Any] = []

    async def exchange(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        curl = self._free.pop() if self._free else self._new()
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.POSTFIELDS, body)
        lines = [f"{name}: {value}" for name, value in headers.items()]
        curl.setopt(pycurl.HTTPHEADER, lines)
        await self._multi.perform(curl)
        status = curl.getinfo(pycurl.RESPONSE_CODE)
        self._free.append(curl)
        return int(status)

    async def close(self) -> None:
        await self._multi.aclose()

    def _new(self) -> Any:
        job, curl = self._job, pycurl.Curl()
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
        curl.setopt(pycurl.PIPEWAIT, 1)  # wait for a connection rather than open one more
        curl.setopt(pycurl.RESOLVE, [f"{job.host}:{job.port}:127.0.0.1"])
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.CAINFO, job.authority)
        curl.setopt(pycurl.CONNECTTIMEOUT, CONNECT_TIMEOUT_S)
        curl.setopt(pycurl.TIMEOUT_MS, int(job.answer_timeout_s * 1000))
        curl.setopt(pycurl.WRITEFUNCTION, _ignore)
        if job.identity is not None:
            curl.setopt(pycurl.SSLCERT, job.identity)
            curl.setopt(pycurl.SSLKEY, job.identity)
        return curl


def _ignore(_: bytes) -> None:
    """Of an answer only the status is looked at."""
