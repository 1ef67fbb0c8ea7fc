"""The clients that are measured, by name; a module with a class Client for each."""

from collections.abc import Mapping
from importlib import import_module, metadata

from bench.http2_clients.clients.base import Client
from bench.http2_clients.job import Job

PACKAGES: Mapping[str, str] = {
    "heliograph": "pyreqwest",
    "pyreqwest": "pyreqwest",
    "pyreqwest_h2": "pyreqwest",
    "pycurl": "pycurl",
    "wreq": "wreq",
    "httpx2": "httpx2",
}
"""What has to be installed for each.

heliograph: pyreqwest behind our own gateways/http2.py. pyreqwest_h2: told to speak HTTP/2 only.
"""


def make(job: Job) -> Client:
    """Make the job's client. No other client's library is loaded: it might spoil what is measured.

    Raises ImportError.
    """
    made: Client = import_module(f"{__name__}.{job.client}").Client(job)
    return made


def version_of(client: str) -> str | None:
    """None if it isn't installed."""
    try:
        return metadata.version(PACKAGES[client])
    except metadata.PackageNotFoundError:
        return None
