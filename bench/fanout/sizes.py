"""A publish to more and more devices: whether time for each of them, and memory, stay the same."""

from collections.abc import Sequence
from typing import Any

from bench.fanout.ours import prepared
from bench.stage.programs import tell
from bench.stage.stage import Stage


def by_size(stage: Stage, platform: str, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """One publish to each number of devices, each on a server and a database of its own."""
    found = []
    for size in sizes:
        with prepared(stage, platform, size) as here:
            one = here.round()
        found.append(
            {
                "devices": size,
                "microseconds_per_device": round(one.wall_s / size * 1e6, 1),
                "cpu_microseconds_per_device": round(one.cpu_s / size * 1e6, 1),
                "first_device_s": one.first_device_s,
                "last_device_s": one.last_device_s,
                "peak_memory_mb": one.peak_memory_mb,
                "stored_bytes_per_device": here.stored_bytes_per_device,
                "import_s": round(here.import_s, 1),
                "fake_busy": one.fake_busy,
            }
        )
        tell(f"  {size:,}: {found[-1]}")
    return found
