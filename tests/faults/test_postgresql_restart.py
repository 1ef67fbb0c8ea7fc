"""A PostgreSQL that goes away in the middle of everything, and comes back, loses nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from tests.browsers import Browsers, hello, new_name
from tests.client import Instance
from tests.postgresql import Postgresql
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually, finished

PUBLISHERS = 2
PACE_S = 0.05


@pytest.fixture
def server(
    own_postgresql: Postgresql, environment: dict[str, str], tmp_path: Path
) -> Iterator[Server]:
    database = {"HELIOGRAPH_DATABASE_URL": own_postgresql.new_database()}
    with Server.start(tmp_path / "data", environment={**environment, **database}) as running:
        yield running


def test_no_accepted_publish_is_lost_when_postgresql_crashes_under_load(
    server: Server, own_postgresql: Postgresql, push_service: PushService
) -> None:
    browsers = Browsers(push_service, server.instance)
    user = new_name("alice")
    everyone = [browsers.new(user=user) for _ in range(3)]
    enough = Event()
    with ThreadPoolExecutor(PUBLISHERS) as pool:
        publishers = [
            pool.submit(publish_until, enough, server.instance, user, number)
            for number in range(PUBLISHERS)
        ]
        try:
            eventually(lambda: len(everyone[0].titles()) > 10)
            own_postgresql.crash()
            eventually(lambda: server.client.request("GET", "/ready").status == 503)
            own_postgresql.launch()
            eventually(lambda: server.client.request("GET", "/ready").status == 200)
            arrived = len(everyone[0].titles())
            eventually(lambda: len(everyone[0].titles()) > arrived + 10)
        finally:
            enough.set()
        accepted, refused = zip(*(one.result() for one in publishers), strict=True)
    titles = {title for one in accepted for title in one}
    assert set().union(*refused) <= {503}
    eventually(lambda: all(titles <= set(one.titles()) for one in everyone), within_s=60)


def test_a_batch_in_the_middle_of_which_postgresql_restarts_is_sent_once(
    server: Server, own_postgresql: Postgresql, push_service: PushService
) -> None:
    browsers = Browsers(push_service, server.instance)
    crowd = new_name("crowd")
    everyone = [browsers.new(interests=(crowd,)) for _ in range(150)]
    push_service.hold()
    reply = server.instance.publish.to_interests([crowd], hello("once"))
    eventually(lambda: push_service.held() > 0)
    own_postgresql.stop()
    push_service.release()
    # What is in flight is taken now, and can't be noted until the database is back.
    eventually(lambda: sum(push_service.message_counts().values()) > 0)
    own_postgresql.launch()
    report = finished(server, reply.json()["publishId"], within_s=60)
    assert report["delivered"] == report["targets"] == len(everyone)
    assert {len(browser.received()) for browser in everyone} == {1}


def publish_until(
    enough: Event, instance: Instance, user: str, number: int
) -> tuple[list[str], set[int]]:
    """The titles of the publishes that were accepted, and how others were refused."""
    accepted: list[str] = []
    refused: set[int] = set()
    while not enough.wait(PACE_S):
        title = f"{number}-{len(accepted)}-{len(refused)}"
        status = instance.publish.to_users([user], hello(title)).status
        if status == 200:
            accepted.append(title)
        else:
            refused.add(status)
    return accepted, refused
