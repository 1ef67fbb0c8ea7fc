"""The server dies at random in a run of publishes with a webhook: each is told, none is miscounted.

Each run draws other moments; what a failed one drew, HELIOGRAPH_TEST_SEED draws again.
"""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPException

import pytest

from tests.browsers import Browsers, hello, new_name
from tests.chance import drawn_anew
from tests.receiver import Receiver
from tests.server import Server
from tests.waiting import eventually

PUBLISHES = 1000
KILLS = 4
AT_ONCE = 8
WITHIN_S = 120
SECRET = "s3cret"


@pytest.mark.timeout(300)
def test_each_publish_is_told_and_each_counted_once_whenever_the_server_dies(
    own_server: Server, own_browsers: Browsers
) -> None:
    user, nobody = new_name("alice"), new_name("nobody")
    own_browsers.new(user=user)
    draw = drawn_anew()
    moments = sorted(draw.sample(range(PUBLISHES), KILLS))
    with Receiver(secret=SECRET) as receiver, ThreadPoolExecutor(AT_ONCE) as app:
        options = ["--secret", SECRET, "--events", "attempt"]
        own_server.json_of("webhook", "add", "--url", receiver.url, *options)

        def publish(_number: int) -> str:
            while True:
                with suppress(OSError, HTTPException):
                    reply = own_server.instance.publish.to_users([user, nobody], hello("hello"))
                    if reply.status == 200:
                        return str(reply.json()["publishId"])

        accepted = [app.submit(publish, number) for number in range(PUBLISHES)]
        for moment in moments:
            receiver.calls(moment, within_s=WITHIN_S)
            own_server.kill()
            own_server.restart()
        publish_ids = {one.result() for one in accepted}
        receiver.calls(PUBLISHES, within_s=WITHIN_S)
        eventually(lambda: told(receiver) >= publish_ids, within_s=WITHIN_S)
        assert receiver.refusals() == []
        # What the server had in hand when it died is told again, with the id it had.
        request_ids = {call.request_id for call in receiver.received()}
        assert len(request_ids) == len(told(receiver))
    for call in receiver.received():
        assert call.payload["users_delivered_to_gateway"] == [user]
        assert call.payload["users_no_devices"] == [nobody]
    counts = counts_of_all(own_server)
    assert counts.keys() >= publish_ids
    assert set(map(str, counts.values())) == {str({"delivered": 1, "targets": 1})}


def told(receiver: Receiver) -> set[str]:
    return {call.payload["publish_id"] for call in receiver.received()}


def counts_of_all(server: Server) -> dict[str, dict[str, int]]:
    """What is counted of each publish, but for tries."""
    summed = (
        "SELECT publish_id, name, sum(number) FROM publish_counts"
        " WHERE name NOT LIKE 'retried%' GROUP BY publish_id, name ORDER BY name"
    )
    counts: dict[str, dict[str, int]] = {}
    with closing(sqlite3.connect(server.data / "heliograph.db")) as database:
        for publish_id, name, number in database.execute(summed):
            counts.setdefault(publish_id, {})[name] = number
    return counts
