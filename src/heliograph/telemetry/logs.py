"""The log: lines of text, or of JSON, that say which publish and instance they are about.

What is known of the work in hand is set in few places, where that begins: an HTTP request, a
message of a stream. Each has a task of its own, and so has what it sets (contextvars).
"""

import logging
import sys
import time
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType

import msgspec

_known: ContextVar[Mapping[str, str]] = ContextVar("known", default=MappingProxyType({}))

_SHOWN = {"publish_id": "publish", "instance_id": "instance"}
"""In a line of text, with these words."""
_SELDOM = ("opentelemetry", "urllib3")
_SELDOM_S = 600
"""How often a collector that is away is complained of."""


def begin(facts: Mapping[str, str]) -> None:
    """Here begins work of which this is known, and nothing else yet."""
    _known.set(facts)


def know(**facts: str) -> None:
    """From here on, the log lines of this task say so: publish_id, instance_id, platform, trace_id.

    No push tokens, device ids, user ids: they prove who somebody is, or are personal.
    """
    _known.set({**_known.get(), **facts})


def known() -> Mapping[str, str]:
    """What is known in this task."""
    return _known.get()


def set_up(*, level: str, form: str, process: str) -> None:
    """Write the log of this process to stderr. form: "text" or "json".

    process: its name, if it is one of several that write there; else empty.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json(process) if form == "json" else _Text(process))
    handler.addFilter(_Seldom())
    # What libraries say at debug has secrets in it: aiosqlite, for one, each statement's values.
    logging.basicConfig(level=max(logging.INFO, _number_of(level)), handlers=[handler])
    logging.getLogger("heliograph").setLevel(_number_of(level))
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _number_of(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


class _Text(logging.Formatter):
    def __init__(self, process: str) -> None:
        name = f"{process}: " if process else ""
        super().__init__(f"%(asctime)s %(levelname)s {name}%(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # as it is there
        line, known = super().formatMessage(record), _known.get()
        told = [f"{word} {known[name]}" for name, word in _SHOWN.items() if name in known]
        return f"{line} [{', '.join(told)}]" if told else line


class _Json(logging.Formatter):
    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = {"process": process} if process else {}

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._process,
            **_known.get(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


class _Seldom(logging.Filter):
    """Lets what is said of the collector through once in a while: it may be away for days."""

    def __init__(self) -> None:
        super().__init__()
        self._said_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(_SELDOM):
            return True
        said_at, now = self._said_at.get(record.msg), time.monotonic()
        if said_at is not None and now - said_at < _SELDOM_S:
            return False
        self._said_at[record.msg] = now
        return True
