"""How much the fake can take: h2load (nghttp2), which asks more of it than any sender here."""

import re
import subprocess
from pathlib import Path

from bench.stage.fake import Fake
from bench.stage.programs import needed

_REQUESTS = 50_000
_IN_FLIGHT = 100
_PATHS = {"apns": "/3/device/0", "fcm": "/v1/projects/bench/messages:send", "web": "/push/0"}


def ceilings(fake: Fake, directory: Path, *, body_bytes: int) -> dict[str, dict[str, int]]:
    """Messages a second, each platform over HTTP/2 (one connection) and HTTP/1.1 (100)."""
    body = directory / "ceiling.body"
    body.write_bytes(b"x" * body_bytes)
    ways = {"HTTP/2": ["-c", "1", "-m", str(_IN_FLIGHT)], "HTTP/1.1": ["--h1", "-c", "100"]}
    return {
        platform: {way: _ceiling(fake.url + path, body, flags) for way, flags in ways.items()}
        for platform, path in _PATHS.items()
    }


def _ceiling(url: str, body: Path, flags: list[str]) -> int:
    command = [needed("h2load"), "-n", str(_REQUESTS), "-d", str(body), *flags, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    succeeded = re.search(r"(\d+) succeeded", said)
    if succeeded is None or int(succeeded[1]) != _REQUESTS:
        raise RuntimeError(f"not all of h2load's requests were taken:\n{said}")
    rate = re.search(r"([\d.]+) req/s", said)
    return round(float(rate[1])) if rate else 0
