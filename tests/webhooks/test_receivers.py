"""What a receiver may do: hang, fail, send away, say too much. It harms itself alone."""

import asyncio
import resource
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from heliograph.gateways.guard import Guard
from heliograph.model.limits import WEBHOOK_TIME
from heliograph.store import webhook_calls, webhooks
from heliograph.store.webhook_calls import Failure
from tests.receiver import Receiver, answer
from tests.webhooks.conftest import SECRET
from tests.webhooks.office import Office, State

SLOW_S = 1.6
"""More than half of the time there is."""
MOST_GROWTH_BYTES = 32 * 1024**2


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


async def test_what_is_not_taken_is_tried_four_times_more_and_kept_for_a_replay(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answer_next(500, 429, 404, 503, 500)
    async with Office.opened(tmp_path) as office:
        await office.add(receiver.url)
        await office.happen()
        retries = [(10, 500), (40, 429), (160, 404), (460, 503)]
        for tries, (due, status) in enumerate(retries, start=1):
            await office.until(State(tries, seconds(due), None, f"answered {status}"))
            office.now = office.began + seconds(due) - timedelta(milliseconds=1)
            assert await due_at(office) == []
            office.now = office.began + seconds(due)
        await office.until(State(5, None, seconds(460), "answered 500"))
        [failed] = await failures(office)
        async with office.store.writing() as tx:
            await webhook_calls.replay(tx, office.instance_id, failed.id, now=office.now)
        await office.until()
        calls = receiver.received()
        assert len(calls) == 6
        assert {call.request_id for call in calls} == {failed.id}
        assert {call.body for call in calls} == {calls[0].body}


async def due_at(office: Office) -> list[str]:
    async with office.store.reading() as connection:
        return await webhook_calls.receivers_due(connection, office.instance_id, now=office.now)


async def failures(office: Office) -> list[Failure]:
    async with office.store.reading() as connection:
        return await webhook_calls.failures(connection, office.instance_id)


async def test_who_hangs_delays_nobody_else(tmp_path: Path, receiver: Receiver) -> None:
    with Receiver(secret=SECRET) as hanging:
        hanging.answer_next(*[hanging.hang] * 50)
        async with Office.opened(tmp_path) as office:
            # On the same host, too: it is told apart by its webhook.
            await office.add(hanging.url)
            await office.add(receiver.url)
            await office.happen(50)
            await asyncio.to_thread(receiver.calls, 50)
            assert 1 <= len(hanging.received()) < 10


async def test_who_does_not_answer_in_three_seconds_has_not_taken_it(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answer_next(receiver.hang)
    async with Office.opened(tmp_path) as office:
        await office.add(receiver.url)
        await office.happen()
        reason = f"no answer within {WEBHOOK_TIME.seconds} seconds"
        await office.until(State(1, seconds(10), None, reason))
        office.now += seconds(10)
        await office.until()


async def test_of_calls_to_who_is_slow_none_waits_in_its_own_three_seconds(
    tmp_path: Path, receiver: Receiver
) -> None:
    """On a connection that is not open yet, others wait for the first."""

    def take_time(request: BaseHTTPRequestHandler) -> None:
        time.sleep(SLOW_S)
        answer(request, 200)

    receiver.answer_next(*[take_time] * 4)
    async with Office.opened(tmp_path) as office:
        await office.add(receiver.url)
        await office.happen(4)
        await office.until()
    assert len(receiver.received()) == 4


async def test_what_is_in_hand_at_a_stop_is_finished(tmp_path: Path, receiver: Receiver) -> None:
    may_answer = threading.Event()

    def wait(request: BaseHTTPRequestHandler) -> None:
        may_answer.wait()
        answer(request, 200)

    receiver.answer_next(wait)
    async with Office.opened(tmp_path) as office:
        await office.add(receiver.url)
        await office.happen()
        await asyncio.to_thread(receiver.calls)
        stopping = asyncio.create_task(office.stop())
        await asyncio.sleep(0)
        may_answer.set()
        await stopping
        assert await office.states() == []


async def test_a_redirect_is_not_followed(tmp_path: Path, receiver: Receiver) -> None:
    with Receiver(secret=SECRET) as elsewhere:

        def redirect(request: BaseHTTPRequestHandler) -> None:
            answer(request, 307, {"Location": elsewhere.url})

        receiver.answer_next(redirect)
        async with Office.opened(tmp_path) as office:
            await office.add(receiver.url)
            await office.happen()
            failure = "answered 307; redirects are not followed"
            await office.until(State(1, seconds(10), None, failure))
        assert elsewhere.received() == []


@pytest.mark.parametrize("status", [200, 500])
async def test_of_an_endless_answer_hardly_anything_is_read(
    tmp_path: Path, receiver: Receiver, status: int
) -> None:
    sent, hung_up = [0], threading.Event()

    def tell_all(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(1024**3))
        request.end_headers()
        chunk = b"x" * 2**16
        try:
            while sent[0] < 1024**3:
                sent[0] += request.wfile.write(chunk)
        except OSError:
            hung_up.set()
        request.close_connection = True

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    receiver.answer_next(tell_all)
    async with Office.opened(tmp_path) as office:
        await office.add(receiver.url)
        await office.happen()
        if status == 200:
            await office.until()
        else:
            await office.until(State(1, seconds(10), None, "answered 500"))
        assert await asyncio.to_thread(hung_up.wait, 10)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert after - before < MOST_GROWTH_BYTES
    assert sent[0] < MOST_GROWTH_BYTES


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "127.1", "[::ffff:7f00:1]"]
)
async def test_an_address_in_a_private_network_is_never_connected_to(
    tmp_path: Path, receiver: Receiver, host: str
) -> None:
    async with Office.opened(tmp_path, guard=Guard(())) as office:
        for scheme in ("http", "https"):
            await office.add(f"{scheme}://{host}:{receiver.port}/beams")
        await office.happen()
        failure = (
            "its address is in a network that must not be reached, or plain http is not"
            " taken there (--allow-private-endpoints)"
        )
        await office.until(*[State(1, seconds(10), None, failure)] * 2)
        assert receiver.connections == 0


async def test_a_call_that_can_not_be_made_fails_as_others_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Office.opened(tmp_path) as office:
        await office.add("secret, and no URL")
        await office.happen()
        await office.until(State(1, seconds(10), None, "the call could not be made: ValueError"))
    assert "secret" not in caplog.text


async def test_a_webhook_that_is_removed_is_called_no_more(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answer_next(500)
    async with Office.opened(tmp_path) as office:
        webhook_id = await office.add(receiver.url)
        await office.happen()
        await office.until(State(1, seconds(10), None, "answered 500"))
        async with office.store.writing() as tx:
            await webhooks.remove(tx, office.instance_id, webhook_id)
        await office.until()
        with Receiver(secret=SECRET) as other:
            await office.add(other.url)
            office.now += seconds(10)
            await office.happen()
            await asyncio.to_thread(other.calls)
        assert len(receiver.received()) == 1


async def test_a_call_of_a_webhook_that_was_removed_meanwhile_is_forgotten(
    tmp_path: Path,
) -> None:
    """As if the event's transaction had looked before the removal, and ended after it."""
    async with Office.opened(tmp_path) as office:
        row = {
            "instance_id": office.instance_id,
            "id": "call",
            "receiver": "removed",
            "webhook_id": "removed",
            "event": "v1.PublishToUsersAttempt",
            "body": b"{}",
            "created_at": office.now,
            "due_at": office.now,
        }
        async with office.store.writing() as tx:
            await webhook_calls.add_all(tx, [row])
        await office.until()
