"""Measure how long insights take to read when a hundred million messages have been counted.

The table is filled as they would leave it: hours, kinds and platforms of a year, each hour folded
into one part, but for the last three, of which each part has some. What is read is the last day by
hour, a month by day and by platform, and a year by day. The database is SQLite in a new file, or
PostgreSQL at an empty database. JSON goes to stdout.

  python -m bench.insights
  python -m bench.insights --database-url postgresql://user@host/empty
"""

import argparse
import asyncio
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import insert

from heliograph.data import create_instance, new_secret_key
from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId, new_instance_id
from heliograph.model.insights import COUNTED, HOUR, By, hour_of
from heliograph.model.publish import AudienceKind
from heliograph.store import insights, schema
from heliograph.store.database import PostgresqlUrl, parse_postgresql_url
from heliograph.store.engine import Store, open_store
from heliograph.store.sealed import MasterKey, Seal

_MESSAGES = 100_000_000
_HOURS = 365 * 24
_PARTS = 16
_SPREAD_HOURS = 3
_ROWS_AT_ONCE = 5000
_READS = {
    "a_day_by_hour": (timedelta(days=1), By.HOUR),
    "a_month": (timedelta(days=30), None),
    "a_month_by_day": (timedelta(days=30), By.DAY),
    "a_month_by_platform": (timedelta(days=30), By.PLATFORM),
    "a_year_by_day": (timedelta(days=365), By.DAY),
}


def main() -> None:
    asked = _arguments()
    with tempfile.TemporaryDirectory() as directory:
        where = asked.database_url or Path(directory) / "heliograph.db"
        found = asyncio.run(_measured(where, asked.rounds))
    report = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.machine(),
        "database": "postgresql" if asked.database_url else "sqlite",
        "messages": _MESSAGES,
        **found,
    }
    print(msgspec.json.format(msgspec.json.encode(report)).decode())


async def _measured(where: Path | PostgresqlUrl, rounds: int) -> dict[str, Any]:
    async with open_store(where, Seal(MasterKey(bytes(32)))) as store:
        instance_id, until = new_instance_id(), datetime.now(UTC)
        await create_instance(store, "bench", instance_id, new_secret_key())
        rows = list(_rows(instance_id, hour_of(until)))
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            async with store.writing() as tx:
                await tx.execute(insert(schema.insights), rows[start : start + _ROWS_AT_ONCE])
        await store.survey()
        reads = {
            name: await _median_ms(store, instance_id, until - time_, until, by, rounds=rounds)
            for name, (time_, by) in _READS.items()
        }
        return {"rows": len(rows), "median_ms": reads}


def _rows(instance_id: InstanceId, last: datetime) -> Iterator[dict[str, Any]]:
    kinds = [(kind, one) for kind in AudienceKind for one in (*Platform, "")]
    each = _MESSAGES // (_HOURS * len(kinds))
    for number in range(_HOURS):
        parts = _PARTS if number < _SPREAD_HOURS else 1
        for kind, one in kinds:
            for part in range(parts):
                yield {
                    "instance_id": instance_id,
                    "hour": last - number * HOUR,
                    "audience": kind,
                    "platform": one,
                    "part": part,
                    **dict.fromkeys(COUNTED, each // parts),
                }


async def _median_ms(
    store: Store,
    instance_id: InstanceId,
    since: datetime,
    until: datetime,
    by: By | None,
    *,
    rounds: int,
) -> float:
    took = []
    for _ in range(rounds):
        began_at = time.perf_counter()
        async with store.reading() as connection:
            await insights.read(connection, instance_id, since, until, by)
        took.append(time.perf_counter() - began_at)
    return round(statistics.median(took) * 1000, 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.insights",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=21, metavar="N", help="default: 21")
    parser.add_argument("--database-url", type=parse_postgresql_url, metavar="URL")
    return parser.parse_args()


if __name__ == "__main__":
    main()
