"""One instance whose push service hangs does not slow another instance's publish."""

import time

from tests.browsers import Browsers, hello, new_name
from tests.push_service import Answer, PushService
from tests.server import Server
from tests.waiting import eventually

HANGS_S = 10


def test_a_hanging_push_service_delays_its_own_instance_alone(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    crowd, user = new_name("crowd"), new_name("alice")
    slow = [own_browsers.new(interests=(crowd,)) for _ in range(120)]
    other = Browsers(push_service, own_server.create_instance("other"))
    browser = other.new(user=user)
    for one in slow:
        push_service.answer_next(one.subscription, Answer(status=201, delay_s=HANGS_S))
    began = time.monotonic()
    own_server.instance.publish.to_interests([crowd], hello("slow"))
    eventually(lambda: push_service.requests(slow[0].subscription) or push_service.requests())
    assert other.instance.publish.to_users([user], hello("quick")).status == 200
    assert eventually(browser.titles) == ["quick"]
    assert time.monotonic() - began < HANGS_S
