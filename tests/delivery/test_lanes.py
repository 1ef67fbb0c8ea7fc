"""What is for users, or of another instance, does not wait for a large publish to interests.

The gateway answers nothing, so that the large one has all the room that it can get, for good.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apns_service import ApnsService
from tests.browsers import Browsers, hello
from tests.client import Instance
from tests.phones import import_iphones, iphone, set_apns_key
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually, finished

CROWD = "crowd"
DEVICES = 600
MOST_FOR_INTERESTS = 200
ALERT = {"apns": {"aps": {"alert": "hello"}}}


class Crowd:
    """iPhones of an instance that share an interest."""

    def __init__(
        self, server: Server, instance: Instance, apns: ApnsService, directory: Path
    ) -> None:
        self._server = server
        self._instance = instance
        self.tokens = frozenset(apns.new_devices(DEVICES))
        set_apns_key(server, apns, directory, instance=instance)
        devices = [{"token": token, "interests": [CROWD]} for token in self.tokens]
        file = directory / f"{instance.id}.jsonl"
        import_iphones(server, devices, file, instance=instance)
        # APNs takes one request at a time until the first was good.
        [first] = apns.new_devices(1)
        device_id = iphone(instance, first)
        assert instance.devices.put_interests(device_id, ["first"]).status == 200
        reply = instance.publish.to_interests(["first"], ALERT)
        finished(server, reply.json()["publishId"], platform="apns")

    def publish(self) -> str:
        reply = self._instance.publish.to_interests([CROWD], ALERT)
        assert reply.status == 200
        return str(reply.json()["publishId"])

    def assert_all_got_it(self, apns: ApnsService, publish_id: str) -> None:
        report = finished(self._server, publish_id, platform="apns", within_s=60)
        assert (report["targets"], report["delivered"]) == (DEVICES, DEVICES)
        counts = apns.message_counts()
        assert {token: counts.get(token) for token in self.tokens} == dict.fromkeys(self.tokens, 1)


@pytest.fixture(scope="module")
def lanes_server(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("lanes") / "data"
    with Server.start(data, environment=environment) as server:
        yield server


@pytest.fixture
def instance(lanes_server: Server) -> Instance:
    return lanes_server.create_instance("large")


@pytest.fixture
def crowd(
    lanes_server: Server, instance: Instance, apns_service: ApnsService, tmp_path: Path
) -> Crowd:
    return Crowd(lanes_server, instance, apns_service, tmp_path)


@pytest.fixture
def apns(apns_service: ApnsService) -> Iterator[ApnsService]:
    yield apns_service
    # Or the server would wait for its answers when it stops.
    apns_service.release()


def sent_to(apns: ApnsService, crowd: Crowd) -> int:
    """To how many of the crowd the gateway was asked to deliver."""
    return sum(one["token"] in crowd.tokens for one in apns.requests())


def test_a_users_message_on_the_same_platform_is_handed_over(
    instance: Instance, crowd: Crowd, apns: ApnsService
) -> None:
    [token] = apns.new_devices(1)
    iphone(instance, token, user="alice")
    apns.hold()
    large = crowd.publish()
    eventually(lambda: sent_to(apns, crowd) == MOST_FOR_INTERESTS)
    assert instance.publish.to_users(["alice"], ALERT).status == 200
    assert len(eventually(lambda: apns.requests(token))) == 1
    assert sent_to(apns, crowd) == MOST_FOR_INTERESTS
    apns.release()
    crowd.assert_all_got_it(apns, large)
    assert len(apns.messages(token)) == 1


def test_a_users_message_on_another_platform_arrives(
    instance: Instance, crowd: Crowd, apns: ApnsService, push_service: PushService
) -> None:
    browser = Browsers(push_service, instance).new(user="alice", interests=(CROWD,))
    apns.hold()
    large = crowd.publish()
    eventually(lambda: sent_to(apns, crowd) == MOST_FOR_INTERESTS)
    assert instance.publish.to_users(["alice"], hello("quick")).status == 200
    assert instance.publish.to_interests([CROWD], hello("for browsers alone")).status == 200
    eventually(lambda: sorted(browser.titles()) == ["for browsers alone", "quick"])
    apns.release()
    crowd.assert_all_got_it(apns, large)


def test_two_instances_with_large_publishes_have_room_of_their_own(
    lanes_server: Server, crowd: Crowd, apns: ApnsService, tmp_path: Path
) -> None:
    other = Crowd(lanes_server, lanes_server.create_instance("other"), apns, tmp_path)
    apns.reset()
    apns.hold()
    larges = [(one, one.publish()) for one in (crowd, other)]
    eventually(lambda: [sent_to(apns, one) for one, _ in larges] == [MOST_FOR_INTERESTS] * 2)
    apns.release()
    for one, publish_id in larges:
        one.assert_all_got_it(apns, publish_id)
    # Neither was done before the other had begun, nor before it had come far.
    order = [one["token"] in crowd.tokens for one in apns.requests()]
    half = order[: len(order) // 2]
    assert half.count(True) > DEVICES // 4
    assert half.count(False) > DEVICES // 4
