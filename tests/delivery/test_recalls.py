"""A stop() while the gateway keeps its answer: it returns soon, and the message is called off."""

from functools import partial

from tests.browsers import Browsers, hello
from tests.push_service import PushService
from tests.push_tokens import encoded
from tests.server import Server
from tests.waiting import eventually, finished


def publish_to(server: Server, users: list[str]) -> str:
    reply = server.instance.publish.to_users(users, hello("for some"))
    assert reply.status == 200
    return str(reply.json()["publishId"])


def arrived(push_service: PushService, number: int) -> bool:
    return push_service.held() == number


def test_a_stop_does_not_wait_for_a_gateway_that_keeps_its_answer(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    stopped, kept = own_browsers.new(user="alice"), own_browsers.new(user="alice")
    finished(own_server, publish_to(own_server, ["alice"]))
    push_service.hold()
    publish_id = publish_to(own_server, ["alice"])
    eventually(partial(arrived, push_service, 2))
    stopped.stop()
    push_service.release()
    report = finished(own_server, publish_id)
    assert (report["untied"], report["delivered"], report["retried"]) == (1, 1, 0)
    # The service had it before the stop, but its answer was awaited no longer.
    assert [len(push_service.requests(one.subscription)) for one in (stopped, kept)] == [2, 2]


def test_who_waits_for_the_first_request_of_a_connection_goes_on_when_that_is_called_off(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    theirs = {user: own_browsers.new(user=user) for user in ("alice", "bob", "carol")}
    push_service.hold()
    publish_id = publish_to(own_server, list(theirs))
    eventually(partial(arrived, push_service, 1))
    [first] = [user for user in theirs if push_service.requests(theirs[user].subscription)]
    theirs.pop(first).stop()
    [second] = eventually(
        lambda: [user for user in theirs if push_service.requests(theirs[user].subscription)]
    )
    assert not theirs.keys() <= {second}
    push_service.release()
    report = finished(own_server, publish_id)
    assert (report["untied"], report["delivered"], report["retried"]) == (1, 2, 0)


def test_a_push_token_that_goes_to_another_device_gets_no_more_of_the_first_ones(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    first, second, other = (own_browsers.new(user=user) for user in ("alice", "bob", "carol"))
    push_service.hold()
    publish_id = publish_to(own_server, ["carol", "alice"])
    eventually(partial(arrived, push_service, 1))
    before = len(push_service.requests(first.subscription))
    given = own_server.instance.devices.put_token(
        second.device_id, encoded(first.subscription.as_json())
    )
    assert given.status == 200
    assert len(push_service.requests(first.subscription)) == before
    push_service.release()
    report = finished(own_server, publish_id)
    assert (report["untied"], report["delivered"]) == (1, 1)
    assert len(push_service.requests(first.subscription)) == before
    assert len(push_service.requests(other.subscription)) == 1
