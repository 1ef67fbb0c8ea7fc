"""What tests of several processes share: one NATS server, and the settings that name it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nats_cluster import NatsCluster


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsCluster]:
    """A single NATS server."""
    (tmp_path / "nats").mkdir()
    with NatsCluster.start(tmp_path / "nats", size=1) as running:
        yield running


@pytest.fixture
def settings(nats: NatsCluster, environment: dict[str, str]) -> dict[str, str]:
    """Those of a server and its workers, which share that NATS server."""
    shared = {"HELIOGRAPH_NATS_URL": nats.url, "HELIOGRAPH_NATS_REPLICAS": "1"}
    return {**environment, **shared}
