"""What a part is given to tell what happens in it."""

from dataclasses import dataclass

from heliograph.telemetry.meter import Meter, Unmetered
from heliograph.telemetry.tracer import Tracer, Untraced


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Counts and traces what it is told, or one of both, or nothing."""

    meter: Meter
    tracer: Tracer


UNWATCHED = Watch(meter=Unmetered(), tracer=Untraced())
"""Of a server that nobody asked to count or trace, and of commands."""
