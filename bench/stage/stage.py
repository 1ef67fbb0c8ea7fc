"""What is set up once for a whole bench: the fake gateway, credentials for it, room for files."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.stage.credentials import Credentials, write_credentials
from bench.stage.fake import Fake


@dataclass(frozen=True, slots=True)
class Stage:
    """Where servers are measured.

    workers: processes that each has for its work beside the one with the API; 0: it does all.
    core: which core servers are bound to, with their broker; None: any.
    """

    directory: Path
    fake: Fake
    credentials: Credentials
    workers: int
    core: int | None


@contextmanager
def set_up(*, workers: int = 0, core: int | None = None) -> Iterator[Stage]:
    """A stage in a temporary directory, which is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="heliograph-bench-") as name:
        directory = Path(name)
        with Fake(directory / "fake") as fake:
            files = write_credentials(directory / "credentials", token_url=fake.token_url)
            yield Stage(directory, fake, files, workers, core)
