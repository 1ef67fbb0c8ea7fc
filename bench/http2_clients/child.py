"""Does one job: python -m bench.http2_clients.child. The job is JSON on stdin, its end on stdout.

A process of its own for each, since a client may hang, or abort the interpreter.
"""

import asyncio
import itertools
import resource
import sys
import time
from contextlib import suppress

import msgspec
import uvloop

from bench.http2_clients.clients import make
from bench.http2_clients.clients.base import Client
from bench.http2_clients.job import HANGS, Burst, Done, Job, Load, Outcome

BODY = b'{"aps":{"alert":"' + b"x" * 981 + b'"}}'
GRACE_S = 5
"""How much longer than its own timeout a client may take."""


def main() -> None:
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    run = uvloop.run if job.uvloop else asyncio.run
    done = run(_do(job))
    sys.stdout.buffer.write(msgspec.json.encode(done))
    sys.stdout.flush()


async def _do(job: Job) -> Done:
    client = make(job)
    try:
        done = Done(outcomes=[await _burst(client, job, burst) for burst in job.bursts])
        return done if job.load is None else await _load(client, job, job.load, done)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await client.close()


async def _burst(client: Client, job: Job, burst: Burst) -> list[Outcome]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_exchange(client, job, path)) for path in burst.paths]
    await asyncio.sleep(burst.pause_s)
    return [task.result() for task in tasks]


async def _exchange(client: Client, job: Job, path: str) -> Outcome:
    bound = asyncio.timeout(job.answer_timeout_s + GRACE_S)
    try:
        async with bound:
            return Outcome(await client.exchange(job.origin + path, job.headers, BODY))
    except Exception as error:  # noqa: BLE001 - what it raises is what is asked
        return Outcome(None, HANGS if bound.expired() else _described(error))


def _described(error: BaseException) -> str:
    """Type and text of the error and its causes."""
    said = []
    cause: BaseException | None = error
    while cause is not None:
        details = getattr(cause, "details", None)
        said.append(f"{type(cause).__name__}: {cause}" + (f" {details}" if details else ""))
        cause = cause.__cause__ or cause.__context__
    return " / ".join(said)[:600]


async def _load(client: Client, job: Job, load: Load, done: Done) -> Done:
    numbers, ends_at = itertools.count(), time.monotonic() + load.seconds
    counts = {True: 0, False: 0}

    async def work() -> None:
        while time.monotonic() < ends_at:
            outcome = await _exchange(client, job, f"/3/device/{next(numbers):064x}")
            counts[outcome.is_success] += 1

    before, began_at = _cpu_s(), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(load.in_flight):
            group.create_task(work())
    return msgspec.structs.replace(
        done,
        successes=counts[True],
        failures=counts[False],
        elapsed_s=time.monotonic() - began_at,
        cpu_s=_cpu_s() - before,
    )


def _cpu_s() -> float:
    """Of all threads of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
