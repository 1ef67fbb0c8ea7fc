"""What each answer of a Web Push service leads to, through the whole path, service by service."""

from functools import partial

import pytest

from tests.browsers import Browsers, hello, new_name
from tests.delivery.outcomes import is_refused, is_there
from tests.phones import done
from tests.push_service import Answer, PushService
from tests.server import Server
from tests.waiting import eventually, finished

WINDOWS = "x-wns-status"


def apple(status: int, reason: str) -> Answer:
    return Answer(status=status, body=f'{{"reason":"{reason}"}}')


def mozilla(status: int, errno: int) -> Answer:
    return Answer(status=status, body=f'{{"code":{status},"errno":{errno},"error":"no"}}')


NEVER = [
    Answer(status=400),
    Answer(status=302, headers={"Location": "https://localhost:1/internal"}),
    apple(400, "BadTtl"),
    mozilla(400, 111),
    apple(405, "MethodNotAllowed"),
    Answer(status=406),
    Answer(status=413),
    Answer(status=418),
    Answer(status=201, headers={WINDOWS: "dropped"}),
]
GONE = [Answer(status=404), Answer(status=410), mozilla(404, 102), mozilla(410, 103)]
OF_ANOTHER_KEY = [
    apple(400, "VapidPkHashMismatch"),
    Answer(status=403, body="the VAPID credentials do not correspond to the subscription"),
    # Twice: its signature is renewed once before that is believed.
    mozilla(401, 109),
]
LATER = [
    Answer(status=429),
    Answer(status=500),
    mozilla(502, 900),
    mozilla(503, 201),
    Answer(status=504),
    Answer(status=406, headers={WINDOWS: "appthrottled"}),
    Answer(status=201, headers={WINDOWS: "channelthrottled"}, delivers=False),
]
REFUSED = [
    ([Answer(status=400, body="UnauthorizedRegistration")], "HTTP 400"),
    ([apple(400, "BadVapidPublicKey")], "HTTP 400"),
    ([apple(403, "BadJwtToken")], "HTTP 403"),
    ([apple(403, "BadAuthorizationHeader")], "HTTP 403"),
    ([Answer(status=401), Answer(status=401)], "HTTP 401"),
]


def one_answer_each(
    browsers: Browsers, push_service: PushService, answers: list[Answer], user: str
) -> list[str]:
    """Browsers of the user that get these answers to their next messages; their device ids."""
    theirs = [browsers.new(user=user) for _ in answers]
    for browser, answer in zip(theirs, answers, strict=True):
        repeated = 2 if answer.status == 401 else 1
        push_service.answer_next(browser.subscription, *[answer] * repeated)
    return [browser.device_id for browser in theirs]


def test_what_is_never_taken_is_dropped_once_and_the_device_kept(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    user = new_name("alice")
    devices = one_answer_each(own_browsers, push_service, NEVER, user)
    reply = own_server.instance.publish.to_users([user], hello("never"))
    report = finished(own_server, reply.json()["publishId"])
    assert (report["failed"], report["retried"], report["removed"]) == (len(NEVER), 0, 0)
    assert all(is_there(own_server, device_id) for device_id in devices)


def test_what_is_gone_is_removed_and_what_is_of_another_key_as_long_as_it_is_rare(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    user = new_name("alice")
    for _ in range(5):
        own_browsers.new(user=user)
    gone = [*GONE, *OF_ANOTHER_KEY]
    devices = one_answer_each(own_browsers, push_service, gone, user)
    reply = own_server.instance.publish.to_users([user], hello("who is there?"))
    report = finished(own_server, reply.json()["publishId"])
    assert (report["removed"], report["delivered"], report["failed"]) == (len(gone), 5, 0)
    assert not any(is_there(own_server, device_id) for device_id in devices)


def test_what_can_not_be_taken_now_comes_again(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    users = [new_name("user") for _ in LATER]
    for user, answer in zip(users, LATER, strict=True):
        one_answer_each(own_browsers, push_service, [answer], user)
    # One after the other: five at once would speak for their whole host.
    for user in users:
        own_browsers.new(user=user)
    sent = [own_server.instance.publish.to_users([user], hello("again")) for user in users]
    for reply in sent:
        report = finished(own_server, reply.json()["publishId"], within_s=60)
        assert (report["delivered"], report["failed"]) == (2, 0)
        assert report["retried"] >= 1


def test_what_speaks_against_the_vapid_key_pauses_and_goes_out_with_another_credential(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    for number, (answers, word) in enumerate(REFUSED):
        user = new_name("alice")
        browser = own_browsers.new(user=user)
        push_service.answer_next(browser.subscription, *answers)
        reply = own_server.instance.publish.to_users([user], hello("refused"))
        eventually(partial(is_refused, own_server, word))
        assert len(push_service.requests(browser.subscription)) == len(answers)
        done(own_server, "gateway", "set", "web", "--subject", f"mailto:ops{number}@example.com")
        report = finished(own_server, reply.json()["publishId"])
        assert (report["delivered"], report["removed"]) == (1, 0), word
        assert is_there(own_server, browser.device_id)


@pytest.mark.parametrize("answer", OF_ANOTHER_KEY, ids=["Apple", "Google", "Mozilla"])
def test_when_all_are_of_another_key_none_is_removed(
    own_server: Server, own_browsers: Browsers, push_service: PushService, answer: Answer
) -> None:
    user = new_name("alice")
    devices = one_answer_each(own_browsers, push_service, [answer] * 25, user)
    reply = own_server.instance.publish.to_users([user], hello("whose key?"))
    eventually(partial(is_refused, own_server, "HTTP"))
    assert all(is_there(own_server, device_id) for device_id in devices)
    done(own_server, "gateway", "set", "web", "--subject", "mailto:other@example.com")
    report = finished(own_server, reply.json()["publishId"], within_s=60)
    assert (report["delivered"], report["removed"]) == (25, 0)
