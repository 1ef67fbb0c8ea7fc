"""What a part is given to tell what happens in it."""

from dataclasses import dataclass

from heliograph.model.live import Tell, tell_nobody
from heliograph.telemetry.meter import Meter, Unmetered
from heliograph.telemetry.tracer import Tracer, Untraced


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Counts and traces what it is told, or one of both, or nothing; and tells who watches live."""

    meter: Meter
    tracer: Tracer
    tell: Tell = tell_nobody


UNWATCHED = Watch(meter=Unmetered(), tracer=Untraced())
"""Of a server that nobody asked to count or trace, and of commands."""
