"""pyreqwest: Rust's reqwest and hyper, with TLS by rustls; HTTP/2 where the server speaks it."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from pyreqwest.client import ClientBuilder

from bench.http2_clients.clients.base import CONNECT_TIMEOUT_S
from bench.http2_clients.job import Job


class Client:
    """One client, set up as ours is."""

    def __init__(self, job: Job) -> None:
        self._client = self.builder(job).build()

    @staticmethod
    def builder(job: Job) -> ClientBuilder:
        builder = (
            ClientBuilder()
            .resolve(job.host, "127.0.0.1", job.port)
            .http2(enable=True)
            .follow_redirects(enable=False)
            .no_proxy()
            .connect_timeout(timedelta(seconds=CONNECT_TIMEOUT_S))
            .timeout(timedelta(seconds=job.answer_timeout_s))
            .add_root_certificate_pem(Path(job.authority).read_bytes())
        )
        if job.ping_interval_s is not None:
            interval = timedelta(seconds=job.ping_interval_s)
            builder = builder.http2_keep_alive_interval(interval)
            builder = builder.http2_keep_alive_while_idle(enabled=True)
        if job.identity is not None:
            builder = builder.identity_pem(Path(job.identity).read_bytes())
        return builder

    async def exchange(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        request = self._client.post(url).headers(dict(headers)).body_bytes(body)
        async with request.build_streamed() as answer:
            await answer.body_reader.read(4096)
            return answer.status

    async def close(self) -> None:
        await self._client.close()
