"""Heliograph's own round: a publish to an interest, until the gateway has answered the last.

The clock starts with the HTTP request and ends with the last answer; the CPU is counted until all
of it is settled in the database, too.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.stage import usage
from bench.stage.devices import ALL, PROBED_USER, write_devices
from bench.stage.fake import Fake, Stopwatch
from bench.stage.payloads import PAYLOADS
from bench.stage.programs import tell
from bench.stage.server import Publisher, Server
from bench.stage.stage import Stage


class Round(msgspec.Struct, kw_only=True):
    """What came of one publish. cpu_s: of all Heliograph processes but the broker's."""

    sent: int
    wall_s: float
    first_device_s: float
    last_device_s: float
    cpu_s: float
    broker_cpu_s: float
    peak_memory_mb: dict[str, float]
    fake_busy: float

    @property
    def per_s(self) -> float:
        return self.sent / self.wall_s

    @property
    def per_cpu_s(self) -> float:
        return self.sent / self.cpu_s


@dataclass(frozen=True, slots=True)
class Set:
    """A running server with devices of one platform."""

    server: Server
    publisher: Publisher
    fake: Fake
    platform: str
    devices: int
    file: Path
    stored_bytes_per_device: int
    import_s: float

    def warm_up(self) -> None:
        """Publish once to a single device, so that connections are open and nothing is new."""
        if self.platform != "fcm":
            publish_id = self.publisher.publish("users", PROBED_USER, PAYLOADS[self.platform])
            try:
                self.fake.arrivals.next(within_s=30)
            except TimeoutError:
                shown = self.server.command("publish", "show", publish_id)
                raise RuntimeError(f"{shown}\n{self.server.log_tail()}") from None

    def round(self) -> Round:
        """Publish to all devices. Raises RuntimeError if any message was not taken at once."""
        process_id = self.server.process_id
        usage.forget_peaks(process_id)
        before, fake_before = usage.usage_of(process_id), self.fake.cpu_s()
        watch = Stopwatch(self.fake, self.devices)
        publish_id = self.publisher.publish("interests", ALL, PAYLOADS[self.platform])
        watch.wait()
        fake_cpu_s = self.fake.cpu_s() - fake_before
        counts = self.server.wait_until_finished(publish_id)[self.platform]
        used = usage.usage_of(process_id) - before
        if counts["delivered"] != self.devices or counts["retried"]:
            raise RuntimeError(f"of {self.devices} messages: {counts}")
        return Round(
            sent=self.devices,
            wall_s=watch.last_s,
            first_device_s=round(watch.first_s, 4),
            last_device_s=round(watch.last_s, 4),
            cpu_s=used.own_cpu_s,
            broker_cpu_s=used.broker_cpu_s,
            peak_memory_mb=usage.peaks_mb(process_id),
            fake_busy=round(fake_cpu_s / watch.last_s, 2),
        )


@contextmanager
def prepared(stage: Stage, platform: str, devices: int) -> Iterator[Set]:
    """A server on a new data directory with so many devices, running."""
    directory = stage.directory / f"{platform}-{devices}"
    directory.mkdir()
    server = Server(stage, directory / "data")
    with server:
        instance = server.instance
        server.set_credentials(instance, stage.credentials)
    empty_bytes = server.stored_bytes()
    file = directory / "devices.jsonl"
    write_devices(file, platform, devices, push_service=stage.fake.url)
    tell(f"importing {devices:,} {platform} devices")
    import_s = server.import_devices(instance, file)
    stored = round((server.stored_bytes() - empty_bytes) / devices)
    with server, Publisher(server, instance) as publisher:
        made = Set(server, publisher, stage.fake, platform, devices, file, stored, import_s)
        made.warm_up()
        yield made
    shutil.rmtree(directory)
