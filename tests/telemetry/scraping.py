"""Scraping as Prometheus does, and looking things up in what came."""

from collections.abc import Iterable
from http.client import HTTPConnection
from io import StringIO

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_fd_to_metric_families as openmetrics
from prometheus_client.parser import text_fd_to_metric_families as prometheus

TIMEOUT_S = 10
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


class Scraped:
    """The figures of one scrape."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self.families = list(families)
        self.samples = [sample for family in self.families for sample in family.samples]

    def total(self, name: str, **labels: str) -> float:
        """The sum of a sample's series that have these labels; 0 without any."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def values_of(self, name: str, label: str) -> set[str]:
        return {sample.labels[label] for sample in self.samples if sample.name == name}


def scrape(port: int) -> Scraped:
    """Figures in Prometheus' text format, which must parse."""
    content_type, text = fetched(port, "text/plain")
    assert content_type.startswith("text/plain")
    return Scraped(prometheus(StringIO(text)))


def scrape_openmetrics(port: int) -> Scraped:
    content_type, text = fetched(port, OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text")
    return Scraped(openmetrics(StringIO(text)))  # type: ignore[no-untyped-call]


def fetched(port: int, accept: str) -> tuple[str, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/metrics", headers={"Accept": accept})
        response = connection.getresponse()
        assert response.status == 200
        return response.getheader("Content-Type") or "", response.read().decode()
    finally:
        connection.close()
