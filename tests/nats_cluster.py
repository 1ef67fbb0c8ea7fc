"""A NATS cluster of three servers on this machine, whose nodes a test may kill.

    with NatsCluster.start(directory) as cluster:
        Server.start(data, environment={"HELIOGRAPH_NATS_URL": cluster.url})
        cluster.leader_of("PUBLISH").kill()

Every message is synced to disk before it is acknowledged, as docs/operating.md wants it.
"""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self, TypeVar

import nats
import nats.errors
from nats.js import JetStreamContext
from nats.js.api import StreamInfo

from tests.processes import TIED, free_port, is_up
from tests.waiting import eventually

NATS_SERVER = Path(sys.executable).with_name("nats-server")
USER, PASSWORD = "heliograph", "s3cret/of the@cluster"
ENCODED_PASSWORD = "s3cret%2Fof%20the%40cluster"
STOP_TIMEOUT_S = 20

Answer = TypeVar("Answer")


class Node:
    """One server. Its process ends with the tests."""

    process: subprocess.Popen[bytes]

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self.port = free_port()
        self.route_port = free_port()
        self._directory = directory

    def configure(self, routes: list[int], **options: object) -> None:
        """Write its configuration. routes: where the others are; none for a server alone."""
        cluster = {
            "name": "tests",
            "listen": f"127.0.0.1:{self.route_port}",
            "routes": [f"nats://127.0.0.1:{port}" for port in routes],
        }
        configuration: dict[str, object] = {
            **options,
            "server_name": self.name,
            "listen": f"127.0.0.1:{self.port}",
            "log_file": str(self._directory / f"{self.name}.log"),
            "authorization": {"user": USER, "password": PASSWORD},
            "jetstream": {
                "store_dir": str(self._directory / self.name),
                "max_file_store": 1024**4,
                "sync_interval": "always",
            },
        }
        if routes:
            configuration["cluster"] = cluster
        # Its format takes JSON, too.
        self._file.write_text(json.dumps(configuration))

    def launch(self) -> None:
        command = [*TIED, str(NATS_SERVER), "--config", str(self._file)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def wait_until_up(self) -> None:
        eventually(lambda: is_up(self.port), within_s=30)

    def reload(self) -> None:
        """Let it read its configuration again; it throws out who may not be there any more."""
        self.process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """End it without a chance to tidy up (SIGKILL)."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)

    @property
    def _file(self) -> Path:
        return self._directory / f"{self.name}.conf"


class NatsCluster:
    """Running servers, which know of each other."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        places = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        self.url = f"nats://{USER}:{ENCODED_PASSWORD}@{places}"

    @classmethod
    def start(cls, directory: Path, *, size: int = 3) -> Self:
        nodes = [Node(directory, f"n{number}") for number in range(1, size + 1)]
        for node in nodes:
            node.configure([other.route_port for other in nodes if other is not node])
            node.launch()
        cluster = cls(nodes)
        try:
            for node in nodes:
                node.wait_until_up()
        except BaseException:
            cluster.stop()
            raise
        return cluster

    def leader_of(self, stream: str) -> Node:
        """The node that answers for the stream now, as the cluster itself says."""
        name = eventually(lambda: asyncio.run(self._leader_of(stream)), within_s=30)
        [leader] = [node for node in self.nodes if node.name == name]
        return leader

    def copies_of(self, stream: str) -> int:
        """How many nodes have all of the stream's messages now."""
        info = asyncio.run(self._info(stream))
        if info is None or info.cluster is None or not info.cluster.leader:
            return 0
        return 1 + sum(bool(peer.current) for peer in info.cluster.replicas or [])

    def consumers_of(self, stream: str) -> list[str]:
        """The names of those that there are now."""
        found = asyncio.run(self._ask(lambda context: context.consumers_info(stream)))
        return [consumer.name for consumer in found or []]

    def bound(self, stream: str, *, max_bytes: int) -> None:
        """Let the stream hold no more than that."""

        async def update(context: JetStreamContext) -> StreamInfo:
            declared = (await context.stream_info(stream)).config
            return await context.update_stream(declared.evolve(max_bytes=max_bytes))

        assert asyncio.run(self._ask(update)) is not None

    def messages_in(self, stream: str) -> int:
        """How many messages the stream holds now."""
        info = asyncio.run(self._info(stream))
        return 0 if info is None else info.state.messages

    async def _leader_of(self, stream: str) -> str | None:
        info = await self._info(stream)
        return None if info is None or info.cluster is None else info.cluster.leader

    async def _info(self, stream: str) -> StreamInfo | None:
        return await self._ask(lambda context: context.stream_info(stream))

    async def _ask(
        self, question: Callable[[JetStreamContext], Awaitable[Answer]]
    ) -> Answer | None:
        """The answer of a node that is up; None if it has none now."""
        up = [f"nats://127.0.0.1:{node.port}" for node in self.nodes if is_up(node.port)]
        client = await nats.connect(up, user=USER, password=PASSWORD)
        try:
            return await question(client.jetstream(timeout=2))
        except (nats.errors.Error, TimeoutError):
            return None
        finally:
            await client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop(self) -> None:
        for node in self.nodes:
            node.process.kill()
        for node in self.nodes:
            node.process.wait(STOP_TIMEOUT_S)
