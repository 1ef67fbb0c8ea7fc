"""Watching an instance live, as whoever reads its events does.

with watching(instance, user="alice") as live:
    publish_id = ...
    live.until("publish-finished", publishId=publish_id)
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlencode

from tests.client import Instance

Event = dict[str, Any]


class Lines(Protocol):
    """What can be read line by line."""

    def readline(self) -> bytes: ...


class Watching:
    """A stream that is ready.

    raw: all that was read of it. lost: how many events are missing, as it was told.
    """

    def __init__(self, answer: Lines) -> None:
        self.raw = bytearray()
        self.lost = 0
        self._answer = answer

    def next(self) -> tuple[str, Event] | None:
        """The next event's name, empty for most, and its data; None at the end of the stream."""
        name = ""
        while line := self._answer.readline():
            self.raw += line
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                event = json.loads(value)
                self.lost += event["number"] if name == "lost" else 0
                return name, event
        return None

    def until(self, kind: str, *, within_s: float = 30, **ids: str) -> list[Event]:
        """Read until there is such an event; all that came, with it."""
        deadline, heard = time.monotonic() + within_s, list[Event]()
        for event in self:
            heard.append(event)
            if event["kind"] == kind and ids.items() <= event.items():
                return heard
            assert time.monotonic() < deadline, heard
        raise AssertionError(f"the stream has ended: {heard}")

    def __iter__(self) -> Iterator[Event]:
        """All events to the end of the stream."""
        while (read := self.next()) is not None:
            name, event = read
            if name != "lost":
                assert name == ""
                yield event


@contextmanager
def watching(instance: Instance, **filters: str) -> Iterator[Watching]:
    """Watch the instance while the block lasts."""
    headers = instance.publish.authorization
    with instance.client.streaming(path_of(instance, **filters), headers=headers) as answer:
        assert answer.status == 200, answer.read()
        watched = Watching(answer)
        assert watched.next() == ("ready", {})
        yield watched


def path_of(instance: Instance, **filters: str) -> str:
    query = f"?{urlencode(filters)}" if filters else ""
    return f"/admin_api/v1/instances/{instance.id}/events{query}"


def summary_of(events: list[Event]) -> list[tuple[str, str]]:
    return [(event["kind"], event["words"]) for event in events]
