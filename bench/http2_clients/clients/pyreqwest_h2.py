"""pyreqwest, told to speak nothing but HTTP/2: then it opens one connection and never more."""

from pyreqwest.client import ClientBuilder

from bench.http2_clients.clients import pyreqwest
from bench.http2_clients.job import Job


class Client(pyreqwest.Client):
    """As the other, without HTTP/1.1."""

    @staticmethod
    def builder(job: Job) -> ClientBuilder:
        return pyreqwest.Client.builder(job).http2_prior_knowledge()
