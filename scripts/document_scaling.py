"""Computes the tables of docs/scaling.md from what measure_sizes.py and measure_rates.py recorded.

python -m scripts.document_scaling
python -m scripts.document_scaling --messages-per-core 5000 --json
python -m scripts.document_scaling --write
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import click

from heliograph.model.limits import MAX_BATCH_TARGETS
from scripts.fill import SHARES

DOCUMENT = Path(__file__).parent.parent / "docs" / "scaling.md"
RECORD = Path(__file__).with_name("sizes.json")
BEGIN, END = "<!-- computed: begin -->\n", "<!-- computed: end -->\n"
DEVICES = (10_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
_PER_DEVICE = ("devices", "device_slots", "subscriptions", "quarantine")
_DAY_S = 24 * 60 * 60
_FEW = 1000
"""Of fewer rows no size is told."""

Tables = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What the sizes are computed with, besides what was measured of rows."""

    messages_per_core: int = 5000
    """Measured: 5,000 to 5,300 per second of CPU, to FCM and APNs, with SQLite (bench.fanout)."""
    registrations_per_process: int = 380
    """Measured: 240 new ones per second of CPU, with SQLite."""
    opens_a_day: float = 1.0
    peak: float = 3.0
    """How many times as much as on average comes in the busiest hour."""
    acknowledged: float = 0.5
    opened: float = 0.05
    replicas: int = 3


@dataclass(frozen=True, kw_only=True)
class Size:
    """What so many devices need."""

    devices: int
    sqlite_bytes: int
    postgresql_bytes: int
    device_index_bytes: int
    subscription_index_bytes: int
    report_bytes: int
    batches: int
    batch_bytes: int
    cores_in_ten_minutes: int
    cores_in_an_hour: int
    settling_s: int
    registrations_a_second: int
    api_processes: int


def sizes(measured: Mapping[str, Any], rates: Rates) -> list[Size]:
    """For each number of devices. The same for the same record, on every machine."""
    sqlite, postgresql, known = measured["sqlite"], measured["postgresql"], measured["devices"]
    indexes = {name: _indexes_of(postgresql[name]) / known for name in _PER_DEVICE}
    device_indexes = sum(indexes[name] for name in _PER_DEVICE if name != "subscriptions")
    report = _whole(postgresql["reports"]) / postgresql["reports"]["rows"]
    batch = measured["batch_bytes"] * rates.replicas
    found = []
    for number in DEVICES:
        batches = math.ceil(number / MAX_BATCH_TARGETS)
        peak = number * rates.opens_a_day / _DAY_S * rates.peak
        found.append(
            Size(
                devices=number,
                sqlite_bytes=round(number * _per_device(sqlite, known)),
                postgresql_bytes=round(number * _per_device(postgresql, known)),
                device_index_bytes=round(number * device_indexes),
                subscription_index_bytes=round(number * indexes["subscriptions"]),
                report_bytes=round(number * (rates.acknowledged + rates.opened) * report),
                batches=batches,
                batch_bytes=batches * batch,
                cores_in_ten_minutes=math.ceil(number / 600 / rates.messages_per_core),
                cores_in_an_hour=math.ceil(number / 3600 / rates.messages_per_core),
                # One after the other in a lane, however many workers: see the document.
                settling_s=math.ceil(
                    number * max(SHARES.values()) / measured["settled_a_second_by_one"]
                ),
                registrations_a_second=math.ceil(peak),
                api_processes=math.ceil(peak / rates.registrations_per_process),
            )
        )
    return found


def documents() -> Mapping[Path, str]:
    """The document and what must be in it."""
    before, rest = DOCUMENT.read_text().split(BEGIN)
    _, after = rest.split(END)
    return {DOCUMENT: before + BEGIN + _markdown(_recorded(), Rates()) + END + after}


def _recorded() -> Mapping[str, Any]:
    recorded: Mapping[str, Any] = json.loads(RECORD.read_text())
    return recorded


def _whole(table: Mapping[str, Any]) -> int:
    return int(table["bytes"]) + _indexes_of(table)


def _indexes_of(table: Mapping[str, Any]) -> int:
    return sum(table["indexes"].values())


def _per_device(tables: Tables, known: int) -> float:
    return sum(_whole(tables[name]) for name in _PER_DEVICE) / known


def _markdown(measured: Mapping[str, Any], rates: Rates) -> str:
    return "\n".join(
        [
            _REMARK_ON_ROWS.format_map(measured),
            *_rows_table(measured),
            _REMARK_ON_RATES.format_map(measured),
            *_sizes_table(sizes(measured, rates)),
            "",
        ]
    )


_REMARK_ON_ROWS = """\
Measured on {measured_at} with {devices:,} devices, PostgreSQL {postgresql_version}. Bytes a row,
with its share of the indexes:
"""
_REMARK_ON_RATES = """
A full batch is {batch_bytes:,} bytes on the stream. On one PostgreSQL, all on one machine of two
cores:

| | a second |
| --- | ---: |
| targets settled, fifty at a time, by one worker | {settled_a_second_by_one:,} |
| the same by 16 at once, of one instance and platform | {settled_a_second_by_many:,} |
| the same by 16 at once, each of another instance | {settled_a_second_in_many:,} |
| known devices that register again, 16 at once | {registered_a_second:,} |

What follows from it:
"""


def _rows_table(measured: Mapping[str, Any]) -> Iterable[str]:
    rows = []
    for name in sorted(measured["postgresql"]):
        sqlite, postgresql = measured["sqlite"][name], measured["postgresql"][name]
        if postgresql["rows"] < _FEW:
            continue
        indexes = _indexes_of(postgresql) / postgresql["rows"]
        each = [_whole(table) / table["rows"] for table in (sqlite, postgresql)]
        rows.append([f"`{name}`", *(f"{size:,.0f}" for size in (*each, indexes))])
    return _table(["table", "SQLite", "PostgreSQL", "of which indexes"], rows)


def _sizes_table(found: Sequence[Size]) -> Iterable[str]:
    lines: list[tuple[str, list[str]]] = [
        ("**the database**, SQLite", [_bytes(one.sqlite_bytes) for one in found]),
        ("the same, PostgreSQL", [_bytes(one.postgresql_bytes) for one in found]),
        ("indexes of devices, which are in use all day", _sizes(found, "device_index_bytes")),
        ("indexes of subscriptions", _sizes(found, "subscription_index_bytes")),
        ("**one publish to all**: reports of it", _sizes(found, "report_bytes")),
        ("its batches", [f"{one.batches:,}" for one in found]),
        ("all of them on disk, three copies", _sizes(found, "batch_bytes")),
        ("worker cores, in 10 minutes", [f"{one.cores_in_ten_minutes:,}" for one in found]),
        ("worker cores, in an hour", [f"{one.cores_in_an_hour:,}" for one in found]),
        ("but settling takes", [_time(one.settling_s) for one in found]),
        (
            "**each app opened once a day**: registrations a second, in the busiest hour",
            [f"{one.registrations_a_second:,}" for one in found],
        ),
        ("API processes", [f"{one.api_processes:,}" for one in found]),
    ]
    return _table(
        ["", *(_number(one.devices) for one in found)], [[name, *row] for name, row in lines]
    )


def _sizes(found: Sequence[Size], name: str) -> list[str]:
    return [_bytes(getattr(one, name)) for one in found]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join(['---', *['---:'] * (len(head) - 1)])} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _number(devices: int) -> str:
    for size, name in ((10**9, "billion"), (10**6, "million")):
        if devices >= size:
            return f"{devices // size} {name}"
    return f"{devices:,}"


def _bytes(size: float) -> str:
    for name, unit in (("TB", 10**12), ("GB", 10**9)):
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size / 10**6:,.0f} MB"


def _time(seconds: int) -> str:
    for name, unit in (("h", 60 * 60), ("min", 60)):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds} s"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of Markdown.")
@click.option("--write", is_flag=True, help="Write the tables, with the defaults, to the document.")
def main(as_json: bool, write: bool, **rates: Any) -> None:  # noqa: FBT001
    """Compute what so and so many devices need, from recorded measurements and these rates."""
    if write:
        for path, content in documents().items():
            path.write_text(content)
    elif as_json:
        found = [asdict(one) for one in sizes(_recorded(), Rates(**rates))]
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(_markdown(_recorded(), Rates(**rates)))


for rate in fields(Rates):
    flag = f"--{rate.name.replace('_', '-')}"
    main = click.option(
        flag, rate.name, type=type(rate.default), default=rate.default, show_default=True
    )(main)

if __name__ == "__main__":
    main()
