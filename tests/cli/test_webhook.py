"""heliograph webhook: what an operator sets up, tries out and makes again."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.browsers import hello, new_name
from tests.client import Instance
from tests.receiver import Receiver
from tests.server import Server
from tests.waiting import eventually


@pytest.fixture
def instance(server: Server) -> Instance:
    """One of the test's own."""
    return server.create_instance(new_name("webhooks"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """One that is told the secret later."""
    with Receiver(secret=None) as running:
        yield running


def add(server: Server, instance: Instance, url: str, *options: str) -> dict[str, str]:
    events = ["--events", "attempt, open", "--instance", instance.id]
    made: dict[str, str] = server.json_of("webhook", "add", "--url", url, *events, *options)
    return made


def test_a_secret_that_is_made_is_shown_once_and_signs(
    server: Server, instance: Instance, receiver: Receiver
) -> None:
    made = add(server, instance, receiver.url)
    receiver.secret = made["secret"]
    tested = server.json_of("webhook", "test", made["webhookId"], "--instance", instance.id)
    assert tested == {"taken": True, "answer": "answered 200"}
    [call] = receiver.received()
    assert call.headers["webhook-id-uuid"] == made["webhookId"]
    assert call.payload["users_delivered_to_gateway"] == []
    [listed] = server.json_of("webhook", "list", "--instance", instance.id)
    assert made["secret"] not in str(listed)
    assert listed["events"] == ["v1.PublishToUsersAttempt", "v1.UserNotificationOpen"]
    assert (listed["url"], listed["customData"]) == (receiver.url, {})


def test_a_test_tells_what_the_receiver_says_against_it(
    server: Server, instance: Instance, receiver: Receiver
) -> None:
    webhook = add(server, instance, receiver.url, "--secret", "another")["webhookId"]
    receiver.secret = "not that"
    tested = server.cli("webhook", "test", webhook, "--instance", instance.id)
    assert (tested.returncode, tested.stdout) == (1, "not taken: answered 401\n")


def test_one_that_is_removed_is_gone(
    server: Server, instance: Instance, receiver: Receiver
) -> None:
    webhook = add(server, instance, receiver.url)["webhookId"]
    removal = ["webhook", "remove", webhook, "--instance", instance.id]
    assert server.cli(*removal).returncode == 0
    assert server.json_of("webhook", "list", "--instance", instance.id) == []
    again = server.cli(*removal)
    assert (again.returncode, again.stderr) == (1, "Error: no such webhook\n")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--url", "example.com", "Does not match format 'uri'"),
        ("--events", "close", "must be some of attempt (v1.PublishToUsersAttempt)"),
        ("--custom-data", "[]", "must be a JSON object"),
        ("--secret", "", "must have 1 to 256 printable characters"),
    ],
)
def test_what_is_wrong_is_said(server: Server, option: str, value: str, said: str) -> None:
    given = {"--url": "https://example.com/", "--events": "open", option: value}
    refused = server.cli("webhook", "add", *[part for pair in given.items() for part in pair])
    assert refused.returncode == 2
    assert said in " ".join(refused.stderr.split())


def test_what_has_failed_is_listed_and_made_again(own_server: Server, receiver: Receiver) -> None:
    """The retries take eight minutes: the store is told that they are over."""
    instance = own_server.instance
    receiver.answer_next(500, 500)
    add(own_server, instance, receiver.url)
    for _ in range(2):
        assert instance.publish.to_users([new_name("nobody")], hello("hello")).status == 200
    first, second = (call.request_id for call in receiver.calls(2))
    give_up(own_server, calls=2)
    failures = own_server.json_of("webhook", "failures")
    assert {failure["callId"] for failure in failures} == {first, second}
    assert {failure["failure"] for failure in failures} == {"answered 500"}
    one = own_server.cli("webhook", "replay", first)
    assert (one.returncode, one.stdout) == (0, "1 call is made again.\n")
    eventually(lambda: len(receiver.received()) == 3)
    rest = own_server.cli("webhook", "replay", "--all")
    assert (rest.returncode, rest.stdout) == (0, "1 call is made again.\n")
    eventually(lambda: len(receiver.received()) == 4)
    assert [call.request_id for call in receiver.received()[2:]] == [first, second]
    assert own_server.cli("webhook", "replay", first).returncode == 1


def give_up(server: Server, *, calls: int) -> None:
    """Let all calls be failed for good, as soon as so many have been tried."""
    with closing(sqlite3.connect(server.data / "heliograph.db", isolation_level=None)) as database:

        def tried() -> bool:
            [(number,)] = database.execute("SELECT count(*) FROM webhook_calls WHERE tries = 1")
            return bool(number == calls)

        eventually(tried)
        now_ms = time.time_ns() // 10**6
        database.execute("UPDATE webhook_calls SET due_at = NULL, failed_at = ?", (now_ms,))
