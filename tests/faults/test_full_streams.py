"""A stream that is full takes nothing more, loses nothing, and goes on once there is room."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browsers import Browser, Browsers, hello, new_name
from tests.client import Reply
from tests.nats_cluster import NatsCluster
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually, finished
from tests.worker_process import WorkerProcess

FEW_BYTES = 8 * 1024
MOST_PUBLISHES = 100


@contextmanager
def serving(tmp_path: Path, settings: dict[str, str], roles: str) -> Iterator[Server]:
    """A server with these roles; the others are left to workers."""
    asked = {**settings, "HELIOGRAPH_ROLES": roles}
    with Server.start(tmp_path / "data", environment=asked) as server:
        yield server


def publish_until_refused(browser: Browser, user: str) -> tuple[dict[str, str], Reply]:
    """The ids of what was accepted, by title, and the refusal."""
    accepted: dict[str, str] = {}
    for number in range(MOST_PUBLISHES):
        reply = browser.instance.publish.to_users([user], hello(f"number {number}"))
        if reply.status != 200:
            return accepted, reply
        accepted[f"number {number}"] = reply.json()["publishId"]
    raise AssertionError("none was refused")


def test_a_publish_for_which_the_stream_has_no_room_is_refused_and_the_accepted_all_arrive(
    tmp_path: Path, nats: NatsCluster, settings: dict[str, str], push_service: PushService
) -> None:
    user = new_name("alice")
    with serving(tmp_path, settings, "none") as server:
        nats.bound("PUBLISH", max_bytes=FEW_BYTES)
        browser = Browsers(push_service, server.instance).new(user=user)
        accepted, refusal = publish_until_refused(browser, user)
        assert accepted
        assert (refusal.status, refusal.headers["retry-after"]) == (503, "1")
        again = server.instance.publish.to_users([user], hello("refused"))
        assert again.status == 503
        with WorkerProcess.start(server.data, "worker", environment=settings):

            def accepted_now() -> str | None:
                reply = server.instance.publish.to_users([user], hello("later"))
                return reply.json()["publishId"] if reply.status == 200 else None

            finished(server, eventually(accepted_now) or "")
            eventually(lambda: nats.messages_in("PUBLISH") + nats.messages_in("DELIVER-users") == 0)
    assert sorted(browser.titles()) == sorted([*accepted, "later"])


def test_a_full_stream_of_batches_holds_up_fan_out_alone(
    tmp_path: Path, nats: NatsCluster, settings: dict[str, str], push_service: PushService
) -> None:
    user = new_name("alice")
    with serving(tmp_path, settings, "fanout") as server:
        nats.bound("DELIVER-users", max_bytes=FEW_BYTES)
        browser = Browsers(push_service, server.instance).new(user=user)
        titles = [f"number {number}" for number in range(60)]
        for title in titles:
            assert server.instance.publish.to_users([user], hello(title)).status == 200
        # What fan-out says of a batch that it can't put.
        eventually(lambda: "the broker is not available" in server.log.read_text())
        assert nats.messages_in("PUBLISH") > 0
        deliver = {**settings, "HELIOGRAPH_ROLES": "deliver"}
        with WorkerProcess.start(server.data, "deliver", environment=deliver):
            eventually(
                lambda: nats.messages_in("PUBLISH") + nats.messages_in("DELIVER-users") == 0,
                within_s=30,
            )
    assert sorted(browser.titles()) == sorted(titles)
