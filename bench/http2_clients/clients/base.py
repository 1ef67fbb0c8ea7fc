"""What is asked of a client: POST this, and say which status came back."""

from collections.abc import Mapping
from typing import Protocol

CONNECT_TIMEOUT_S = 5


class Client(Protocol):
    """A client with its connections, used by many tasks at once. It is made from a Job."""

    async def exchange(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """POST, read all of the answer, and return its status. Raises whatever the client does."""

    async def close(self) -> None:
        """End the connections."""
