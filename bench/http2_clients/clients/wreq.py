"""wreq: a fork of reqwest and hyper, with TLS by BoringSSL."""

import ipaddress
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import wreq
from wreq.http2 import Http2Options

from bench.http2_clients.clients.base import CONNECT_TIMEOUT_S
from bench.http2_clients.job import Job


class Client:
    """One client with the default runtime."""

    def __init__(self, job: Job) -> None:
        addresses = wreq.DnsOptions()
        addresses.add_resolve(job.host, [ipaddress.IPv4Address("127.0.0.1")])
        options: dict[str, Any] = {
            "dns_options": addresses,
            "tls_verify": wreq.CertStore.from_pem_stack(Path(job.authority).read_bytes()),
            "no_proxy": True,
            "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
            "timeout": timedelta(seconds=job.answer_timeout_s),
        }
        if job.ping_interval_s is not None:
            interval = timedelta(seconds=job.ping_interval_s)
            options["http2_options"] = Http2Options(
                keep_alive_interval=interval, keep_alive_while_idle=True
            )
        if job.identity is not None:
            # It wants certificate and key apart.
            certificate, begin, key = Path(job.identity).read_bytes().rpartition(b"-----BEGIN")
            options["tls_identity"] = wreq.Identity.from_pkcs8_pem(certificate, begin + key)
        self._client = wreq.Client(**options)

    async def exchange(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        async with self._client.post(url, headers=headers, body=body) as answer:
            await answer.bytes()
            return int(answer.status.as_int())

    async def close(self) -> None:
        self._client.close()
