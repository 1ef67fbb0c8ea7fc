"""Roles: what the workers of a process do."""

from enum import StrEnum


class Role(StrEnum):
    """A kind of work, each with a place of its own to take it from."""

    FANOUT = "fanout"
    """Turns publishes into batches."""
    DELIVER = "deliver"
    """Sends batches to their gateways, and settles them."""
    WEBHOOK = "webhook"
    """Calls the app's servers that want to know what became of it."""
