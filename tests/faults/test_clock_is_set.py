"""A server's clock is set by hours: nothing is lost, sent twice, or stands still."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.apns_service import ApnsService
from tests.browsers import Browsers, hello, new_name
from tests.clock import Clock, NotInstalled
from tests.phones import iphone, set_apns_key
from tests.push_service import Answer, PushService
from tests.server import Server
from tests.waiting import eventually, finished

FORWARD, BACK = timedelta(hours=3), timedelta(hours=-3)
BUSY = Answer(status=503)

both_ways = pytest.mark.parametrize("by", [FORWARD, BACK], ids=["forward", "back"])


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    try:
        return Clock.made(tmp_path)
    except NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture
def server(clock: Clock, tmp_path: Path, environment: dict[str, str]) -> Iterator[Server]:
    going_by_it = {**environment, **clock.environment}
    with Server.start(tmp_path / "data", environment=going_by_it) as running:
        yield running


@pytest.fixture
def browsers(push_service: PushService, server: Server) -> Browsers:
    return Browsers(push_service, server.instance)


@both_ways
def test_what_waits_for_another_try_goes_out_and_new_publishes_do_at_once(
    server: Server, browsers: Browsers, push_service: PushService, clock: Clock, by: timedelta
) -> None:
    waiting, other = new_name("alice"), new_name("bob")
    # So many that they speak for their whole push service: it is left in peace for a while.
    late = [browsers.new(user=waiting) for _ in range(8)]
    browser = browsers.new(user=other, vendor="apple")
    for one in late:
        push_service.answer_next(one.subscription, BUSY)
    first = server.instance.publish.to_users([waiting], hello("first")).json()["publishId"]
    eventually(lambda: all(push_service.requests(one.subscription) for one in late[:1]))
    clock.set_off(by, server)
    second = server.instance.publish.to_users([other], hello("second")).json()["publishId"]
    assert finished(server, second)["delivered"] == 1
    report = finished(server, first, within_s=60)
    assert (report["targets"], report["delivered"]) == (len(late), len(late)), report
    assert [one.titles() for one in late] == [["first"]] * len(late)
    assert browser.titles() == ["second"]


@both_ways
def test_what_is_with_the_push_service_is_counted_once_and_not_sent_again(
    server: Server, browsers: Browsers, push_service: PushService, clock: Clock, by: timedelta
) -> None:
    crowd = new_name("crowd")
    everyone = [browsers.new(interests=(crowd,)) for _ in range(150)]
    push_service.hold()
    reply = server.instance.publish.to_interests([crowd], hello("once"))
    eventually(lambda: push_service.held() > 0)
    clock.set_off(by, server)
    push_service.release()
    report = finished(server, reply.json()["publishId"])
    assert report["delivered"] == report["targets"] == len(everyone)
    assert {len(browser.received()) for browser in everyone} == {1}


def test_what_was_refused_for_a_wrong_clock_goes_out_once_it_is_set_right(
    server: Server, apns_service: ApnsService, tmp_path: Path, clock: Clock
) -> None:
    """Apple refuses what is signed at a wrong time, and the next probe seems to be hours away."""
    set_apns_key(server, apns_service, tmp_path)
    [token] = apns_service.new_devices(1)
    user = new_name("alice")
    iphone(server.instance, token, user=user)
    clock.set_off(FORWARD, server)
    alert = {"apns": {"aps": {"alert": "hello"}}}
    reply = server.instance.publish.to_users([user], alert)
    assert reply.status == 200
    eventually(lambda: "nothing is sent until that is mended" in server.log.read_text())
    clock.set_off(timedelta(), server)
    report = finished(server, reply.json()["publishId"], platform="apns")
    assert report["delivered"] == 1
    assert len(apns_service.messages(token)) == 1
    assert apns_service.refusals()
    apns_service.clear_refusals()


def test_a_beams_token_is_judged_by_the_clock_as_it_is_now(
    server: Server, browsers: Browsers, clock: Clock
) -> None:
    # The tests' tokens are good for a day of the true time.
    browser, user = browsers.new(), new_name("alice")
    devices, token = server.instance.devices, server.instance.token(user)
    clock.set_off(timedelta(hours=25), server)
    assert devices.put_user(browser.device_id, token).status == 401
    clock.set_off(timedelta(hours=23), server)
    assert devices.put_user(browser.device_id, token).status == 200
