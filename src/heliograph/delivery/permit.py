"""Whether an instance may send to a platform now: it has a credential, and that is not refused.

What may not be sent waits, at most for an hour, and goes out when the credential is mended.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.delivery.settle import Pausing
from heliograph.model.batch import Batch
from heliograph.model.credential import Held
from heliograph.model.limits import MAX_RETRY_TIME
from heliograph.store import credentials, pauses
from heliograph.store.engine import Store
from heliograph.store.pauses import Pause

_LOOK_INTERVAL_S = 0.5
_LOOKS = 6
"""A batch that may not go is kept in hand for three seconds, so that few go round and round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """Send with this credential. probe: one message only, to see whether it is taken now."""

    held: Held
    probe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Send nothing now."""

    reason: str
    until: datetime
    """From then on it is no use to wait any longer."""


class Permit:
    """Asks the store whether batches may be sent."""

    def __init__(self, store: Store, now: Callable[[], datetime], pausing: Pausing) -> None:
        self._store = store
        self._now = now
        self._pausing = pausing

    async def ask(self, batch: Batch) -> Go | Hold:
        """Whether the batch may be sent; if not, the answer takes a while."""
        for _ in range(_LOOKS):
            answer = await self._look(batch)
            if isinstance(answer, Go) or answer.until <= self._now():
                break
            await asyncio.sleep(_LOOK_INTERVAL_S)
        return answer

    async def _look(self, batch: Batch) -> Go | Hold:
        lane = batch.instance_id, batch.platform
        seal = self._store.seal

        async def work(tx: AsyncConnection) -> tuple[Held | None, Pause | None]:
            return await credentials.find(tx, seal, *lane), await pauses.find(tx, *lane)

        held, pause = await self._store.read(work)
        self._pausing.may_be = pause is not None
        if held is None:
            reason = f"no credential for {batch.platform} is set"
            return Hold(reason=reason, until=batch.accepted_at + MAX_RETRY_TIME)
        if pause is None or pause.credential_id != held.id:
            return Go(held=held)
        now = self._now()
        if pause.may_be_probed(now) and await self._store.write(
            lambda tx: pauses.claim_probe(tx, *lane, now=now)
        ):
            return Go(held=held, probe=True)
        until = max(batch.accepted_at, pause.since) + MAX_RETRY_TIME
        return Hold(reason=pause.reason, until=until)


HELD_FOR = timedelta(seconds=_LOOKS * _LOOK_INTERVAL_S)
