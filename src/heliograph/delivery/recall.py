"""Recalling: once a device is removed or a user is deleted, nothing more arrives there.

A process that sends asks the store just before. What it has found there, and not handed over yet,
it must not hand over once the call that removed the device has returned; so that call asks each
such process to let go. Why none is missed: say that process P finds the device in the store and
hands its message over, and that the device is removed.

- P signs the roll, has that acknowledged, and only then asks the store. Its signature stays for ten
  seconds from when the broker has it; P's fence is open for eight from before it was sent, and each
  new signature moves both on.
- P has found the device, so it asked before the removal was committed. The roll is read after the
  commit. If the message has not left by then, P is on the roll, or its fence has been closed in
  between. A fence that was closed opens only after P has dropped all that it had found. So P, if it
  is not on the roll, hands nothing over of what it found before.
- P is on the roll: it is called until it answers, which it does when what it had in hand is
  answered by the gateway, or called off; or until its signature is gone, as above. What it finds
  later, it finds after the commit: the device isn't there.
- P is frozen: when it goes on, its clock tells that the fence is closed. It looks after every wait
  there is before a request. Left is the instant between looking and writing, and what the HTTP
  client had got already and not written yet.

If the broker is away, or a process that is there does not answer, the call returns all the same.
"""

import asyncio
import logging
from datetime import timedelta

import msgspec

from heliograph.broker.roll import SIGNED_FOR, Roll
from heliograph.model.errors import Unavailable
from heliograph.model.recall import Recalled

logger = logging.getLogger(__name__)

_AT_MOST = SIGNED_FOR + timedelta(seconds=2)
_BROKER_AWAY_S = 5.0
_LOOK_INTERVAL_S = 0.5


class Recall:
    """Asks all processes that send to let go of messages."""

    def __init__(self, roll: Roll) -> None:
        self._roll = roll

    async def __call__(self, recalled: Recalled) -> None:
        """Wait until nothing more is sent to these. What removed them must be committed.

        That takes a moment, or, if a process has vanished, ten seconds at most. Never raises.
        """
        try:
            async with asyncio.timeout(_AT_MOST.total_seconds()):
                await self._call_all(msgspec.json.encode(recalled))
        except (Unavailable, TimeoutError):
            logger.warning(
                "not every process that sends could be asked to let go of what was for a device"
                " that is removed: a message that was on its way may still arrive"
            )

    async def _call_all(self, message: bytes) -> None:
        names = await self._names()
        calls = {name: asyncio.create_task(self._call(name, message)) for name in names}
        try:
            waiting = set(calls.values())
            while waiting:
                _, waiting = await asyncio.wait(waiting, timeout=_LOOK_INTERVAL_S)
                if waiting:
                    there = await self._names()
                    waiting &= {call for name, call in calls.items() if name in there}
        finally:
            for call in calls.values():
                call.cancel()

    async def _call(self, name: str, message: bytes) -> None:
        """Call it until it answers: nobody listens while it comes back from a broken connection."""
        while True:
            if await self._roll.call(name, message, within=_AT_MOST):
                return
            await asyncio.sleep(_LOOK_INTERVAL_S)

    async def _names(self) -> set[str]:
        async with asyncio.timeout(_BROKER_AWAY_S):
            while True:
                try:
                    return await self._roll.names()
                except Unavailable:
                    await asyncio.sleep(_LOOK_INTERVAL_S)
