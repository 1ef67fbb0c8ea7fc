"""A shard: a part of a publish's targets on one platform, fanned out by one worker at a time.

A publish begins with one shard a platform. That of a large interest is split along the ids of the
devices, so that many workers fan it out side by side.
"""

import string

import msgspec

from heliograph.model.device import Platform
from heliograph.model.publish import Publish


class Position(msgspec.Struct, frozen=True, array_like=True):
    """A place in the order of targets: by user, then device; by device alone for interests."""

    user_id: str
    device_id: str


START = Position("", "")


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """The targets behind `start`, up to and with `until`; None: to the last there is.

    position: how far they are on their way. targets: how many these were. batches: in how many
    batches they are, of which `settled` are done with. done: no more will come.
    """

    platform: Platform
    number: int
    start: Position = START
    until: Position | None = None
    position: Position = START
    targets: int = 0
    batches: int = 0
    settled: int = 0
    done: bool = False

    @property
    def under_way(self) -> int:
        """Batches that wait for a gateway, or are with it."""
        return self.batches - self.settled

    @property
    def is_finished(self) -> bool:
        return self.done and self.under_way == 0


class ShardMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A shard on its stream, with what its batches are made from."""

    version: int = 1
    publish: Publish
    platform: Platform
    number: int


_DIGITS = 8
_ALL: int = 16**_DIGITS
_HEXADECIMAL = frozenset(string.hexdigits.lower())


def split(shard: Shard, parts: int) -> list[tuple[Position, Position | None]]:
    """What the shard has not come to yet, in adjacent ranges; none if that can't be split.

    They are about equal if the ids are random UUIDs, as ours are. Behind an id of another kind
    there is no telling which bounds are behind it, too, in the order of the database.
    """
    here = _place(shard.platform, shard.position.device_id)
    step = 0 if here is None else (_ALL - here) // parts
    if here is None or step == 0:
        return []
    bounds = [
        Position("", f"{shard.platform}-{here + step * part:0{_DIGITS}x}")
        for part in range(1, parts)
    ]
    return list(zip([shard.position, *bounds], [*bounds, shard.until], strict=True))


def share_done(shard: Shard) -> float:
    """How much of all ids the shard has come to, from 0 to 1.

    0 for users: their devices are not in the order of ids.
    """
    if shard.position.user_id:
        return 0
    begun = _place(shard.platform, shard.start.device_id) or 0
    end = None if shard.until is None else _place(shard.platform, shard.until.device_id)
    here = (end or _ALL) if shard.done else _place(shard.platform, shard.position.device_id)
    return max((here or 0) - begun, 0) / _ALL


def _place(platform: Platform, device_id: str) -> int | None:
    """Where an id is among all that random UUIDs can be; None if it is no UUID."""
    digits = device_id.removeprefix(f"{platform}-")[:_DIGITS]
    return int(digits, 16) if len(digits) == _DIGITS and _HEXADECIMAL.issuperset(digits) else None
