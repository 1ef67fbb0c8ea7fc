"""What devices report, counted in groups.

A crowd that got one notification reports at once. A transaction for each report would take the
database from all else: it costs four times as much as its share of a group (docs/insights.md). So
what comes while others are being written waits, and is written together next; a report that comes
alone waits for nothing. Nobody is answered before his report is on disk: so an orderly stop loses
none, and what webhooks are told of is exact.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import partial

from heliograph.model.errors import Unavailable
from heliograph.model.event import Event
from heliograph.model.ids import InstanceId
from heliograph.store import reports
from heliograph.store.engine import Store

logger = logging.getLogger(__name__)

_MOST_AT_ONCE = 200
_MOST_WAITING = 10_000
"""Some seconds' worth. Beyond, the database is overloaded, and who waits would wait too long."""

_BETWEEN_WARNINGS_S = 60


class Reported:
    """Counts what devices report, one group of an instance after the other."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._waiting: dict[InstanceId, deque[_Report]] = {}
        self._number = 0
        self._writers: set[asyncio.Task[None]] = set()
        self._warn_at = time.monotonic()

    async def __call__(self, instance_id: InstanceId, event: Event) -> bool:
        """Count the event. False if it does not count: it was counted before, or is a stranger's.

        Or if it is lost, as the database is away, or too many wait for it: then the log tells.
        """
        if self._number >= _MOST_WAITING:
            self._warn_of_a_crowd()
            return False
        report = _Report(event)
        self._number += 1
        try:
            self._put(instance_id, report)
            return await report.is_counted
        finally:
            self._number -= 1

    def _warn_of_a_crowd(self) -> None:
        if time.monotonic() >= self._warn_at:
            self._warn_at = time.monotonic() + _BETWEEN_WARNINGS_S
            logger.warning("devices report faster than the database counts: reports are dropped")

    def _put(self, instance_id: InstanceId, report: "_Report") -> None:
        if (waiting := self._waiting.get(instance_id)) is not None:
            waiting.append(report)
            return
        self._waiting[instance_id] = deque([report])
        writer = asyncio.create_task(self._write(instance_id))
        self._writers.add(writer)
        writer.add_done_callback(self._writers.discard)

    async def _write(self, instance_id: InstanceId) -> None:
        """Write what waits of the instance, until nothing does."""
        waiting = self._waiting[instance_id]
        try:
            while waiting:
                group = [waiting.popleft() for _ in range(min(len(waiting), _MOST_AT_ONCE))]
                await self._write_group(instance_id, group)
        finally:
            del self._waiting[instance_id]

    async def _write_group(self, instance_id: InstanceId, group: list["_Report"]) -> None:
        events = [report.event for report in group]
        work = partial(reports.record_all, instance_id=instance_id, events=events, now=self._now())
        counted = set[int]()
        try:
            counted = {id(one.event) for one in await self._store.write(work)}
        except Unavailable as error:
            logger.warning("%d reports of devices are lost: %s", len(group), error)
        except Exception:
            logger.exception("%d reports of devices are lost", len(group))
        for report in group:
            report.tell(is_counted=id(report.event) in counted)
            counted.discard(id(report.event))


class _Report:
    """An event, and who waits for its being counted."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.is_counted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def tell(self, *, is_counted: bool) -> None:
        if not self.is_counted.done():
            self.is_counted.set_result(is_counted)
