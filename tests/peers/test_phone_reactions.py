"""The scripted phones make of each answer what the official SDKs make of it.

Here nothing of the server is tested: what these phones do is the measure for it elsewhere, so they
must be able to loop, crash and give up.
"""

import json
from collections.abc import Mapping

import pytest

from tests.client import NO_HEADERS, Client, Instance, Reply
from tests.peers.android_client import AndroidApp
from tests.peers.ios_client import IosApp
from tests.peers.phone_jobs import Storage
from tests.peers.phone_wire import MAX_ATTEMPTS, WouldCrash, WouldLoop

OK = 200
INSTANCE_ID = "8f9a6e22-2483-49aa-8552-125f1a4c5781"
ANDROID = {"sdkVersion": "1.9.2", "androidVersion": "14"}
IOS = {"sdkVersion": "4.0.0", "iosVersion": "17.4"}
PUSHER = {"instanceId": INSTANCE_ID, "publishId": "pubid-1"}
MESSAGE = {"data": {"pusher": json.dumps(PUSHER)}}


def says(status: int, **body: object) -> Reply:
    content = {"error": "Error", "description": "Description", **body}
    return Reply(status=status, headers={}, body=json.dumps(content).encode())


REGISTERED = says(OK, id="new", initialInterestSet=[])


class Script(Client):
    """Answers one after the other, the last of them again and again."""

    def __init__(self, *answers: Reply) -> None:
        super().__init__("nowhere", 0)
        self._answers = list(answers)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        body: object = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Reply:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def started(platform: str, user_id: str | None = None) -> Storage:
    return Storage(device_id=f"{platform}-1", token="token", user_id=user_id, start_is_queued=True)


def android(*answers: Reply, storage: Storage | None = None) -> AndroidApp:
    instance = Instance(Script(*answers), INSTANCE_ID, "k" * 64)
    return AndroidApp(instance, storage or started("fcm"), metadata=ANDROID)


def ios(*answers: Reply, storage: Storage | None = None) -> IosApp:
    instance = Instance(Script(*answers), INSTANCE_ID, "k" * 64)
    return IosApp(instance, storage or started("apns"), metadata=IOS)


@pytest.mark.parametrize("status", [201, 204, 400, 401, 403, 404, 409, 422, 429, 500, 503])
def test_android_registers_until_it_is_registered(status: int) -> None:
    app = android(says(status), storage=Storage())
    with pytest.raises(WouldLoop):
        app.start("token")
    assert len(app.wire.exchanges) == MAX_ATTEMPTS
    assert app.wire.delays_s[:4] == [0.2, 0.4, 0.8, 1.6]


@pytest.mark.parametrize(
    "answer",
    [
        says(OK, id="new", initialInterestSet=None),
        says(OK, id="new"),
        says(OK, id=5, initialInterestSet=[]),
        Reply(status=OK, headers={}, body=b"<html>"),
        says(401, error="InvalidToken"),
    ],
)
def test_android_can_be_sent_round_by_a_registration(answer: Reply) -> None:
    with pytest.raises(WouldLoop):
        android(answer, storage=Storage()).start("token")


@pytest.mark.parametrize("status", [400, 404])
def test_android_crashes_when_a_new_devices_interests_are_refused(status: int) -> None:
    app = android(REGISTERED, says(status), storage=Storage())
    app.subscribe("news")
    with pytest.raises(WouldCrash):
        app.start("token")


def test_android_crashes_when_a_device_can_not_be_made_anew() -> None:
    with pytest.raises(WouldCrash):
        android(says(404), says(400)).subscribe("news")


@pytest.mark.parametrize("status", [401, 403, 409, 410, 422, 429, 500])
def test_android_repeats_a_job(status: int) -> None:
    with pytest.raises(WouldLoop):
        android(says(status)).subscribe("news")


def test_android_drops_a_job_at_a_400() -> None:
    app = android(says(400), says(OK))
    app.subscribe("news")
    app.subscribe("sport")
    assert app.wire.take() == [
        "POST devices/fcm/ID/interests/news 400",
        "POST devices/fcm/ID/interests/sport",
    ]


def test_android_makes_the_device_anew_at_a_404() -> None:
    app = android(says(404), REGISTERED, says(OK), storage=started("fcm", user_id="alice"))
    app.subscribe("news")
    assert [line.partition(" ")[0] for line in app.wire.take()] == [
        "POST",  # the interest
        "POST",  # the device
        "PUT",  # interests
        "PUT",  # user
        "POST",  # the interest
    ]
    assert app.storage.device_id == "new"


def test_android_forgets_a_user_who_is_refused_for_a_device_made_anew() -> None:
    refused = (says(404), REGISTERED, says(OK), says(401), says(OK))
    app = android(*refused, storage=started("fcm", user_id="alice"))
    app.subscribe("news")
    assert app.storage.user_id is None


def test_android_makes_the_device_anew_for_ever_at_404s() -> None:
    again = [says(404), REGISTERED, says(OK)] * 5
    with pytest.raises(WouldLoop):
        android(*again).subscribe("news")


@pytest.mark.parametrize(
    ("status", "result"),
    [(400, "Description"), (401, "jwt rejected"), (403, "jwt rejected"), (422, "Description")],
)
def test_android_gives_up_on_a_user(status: int, result: str) -> None:
    app = android(says(status))
    app.set_user_id("alice")
    assert app.user_results == [result]
    assert app.storage.jobs == []


@pytest.mark.parametrize("status", [409, 429, 500])
def test_android_repeats_a_user(status: int) -> None:
    with pytest.raises(WouldLoop):
        android(says(status)).set_user_id("alice")


@pytest.mark.parametrize("status", [400, 404, 500])
def test_android_stops_until_it_is_stopped(status: int) -> None:
    with pytest.raises(WouldLoop):
        android(says(status)).stop()


def test_android_does_not_notice_refusals_at_its_start() -> None:
    app = android(says(404))
    app.start("token")
    assert (
        app.wire.take()
        == [
            "PUT devices/fcm/ID/metadata 404",
            "PUT devices/fcm/ID/interests 404",
        ]
        or app.storage.interests == frozenset()
    )
    assert app.storage.device_id == "fcm-1"


@pytest.mark.parametrize("status", [400, 404, 410, 422, 429])
def test_android_drops_a_report(status: int) -> None:
    app = android(says(status))
    app.reports.receive(MESSAGE)
    app.reports.receive(MESSAGE)
    assert len(app.wire.exchanges) == 1


def test_android_repeats_a_report() -> None:
    with pytest.raises(WouldLoop):
        android(says(500)).reports.receive(MESSAGE)


@pytest.mark.parametrize("name", [".", ".."])
def test_android_can_not_send_a_name_of_dots(name: str) -> None:
    with pytest.raises(WouldLoop):
        android(says(OK)).subscribe(name)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_ios_does_not_start(status: int) -> None:
    app = ios(says(status), storage=Storage())
    app.launch("token")
    assert app.fault == "Description"
    assert app.storage.device_id is None


def test_ios_does_not_start_if_a_device_could_not_be_created() -> None:
    app = ios(says(500, description="Device could not be created"), storage=Storage())
    app.launch("token")
    assert app.fault == "Device could not be created"


@pytest.mark.parametrize(
    "answer",
    [says(201), says(402), says(409), says(422), says(429), says(500), says(OK, id=5)],
)
def test_ios_registers_again_and_again(answer: Reply) -> None:
    with pytest.raises(WouldLoop):
        ios(answer, storage=Storage()).launch("token")


def test_ios_takes_no_initial_interests_for_none() -> None:
    app = ios(says(OK, id="new", initialInterestSet=None), storage=Storage())
    app.launch("token")
    assert (app.storage.device_id, app.fault) == ("new", None)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_ios_drops_a_job(status: int) -> None:
    app = ios(says(status))
    app.subscribe("news")
    app.set_user_id("alice")
    assert app.storage.jobs == []
    assert app.user_results == ["Description"]


@pytest.mark.parametrize("status", [402, 409, 410, 422, 429, 500])
def test_ios_repeats_a_job_and_does_nothing_else_meanwhile(status: int) -> None:
    app = ios(says(status))
    with pytest.raises(WouldLoop):
        app.set_user_id("alice")
    assert len(app.storage.jobs) == 1


@pytest.mark.parametrize("status", [400, 401, 404])
def test_ios_stops_however_the_server_answers(status: int) -> None:
    app = ios(says(status))
    app.stop()
    assert app.storage.device_id is None


def test_ios_makes_the_device_anew_at_a_404() -> None:
    app = ios(says(404), REGISTERED, says(OK), storage=started("apns", user_id="alice"))
    app.subscribe("news")
    assert [exchange.status for exchange in app.wire.exchanges] == [404, OK, OK, OK, OK]
    assert (app.storage.device_id, app.storage.user_id) == ("new", "alice")


def test_ios_makes_devices_for_ever_when_a_report_gets_404() -> None:
    again = [says(404), REGISTERED] * 5
    with pytest.raises(WouldLoop):
        ios(*again).handle_notification({"data": {"pusher": PUSHER}}, "background")


@pytest.mark.parametrize("status", [422, 429, 500])
def test_ios_is_blocked_by_a_report(status: int) -> None:
    app = ios(says(status))
    with pytest.raises(WouldLoop):
        app.handle_notification({"data": {"pusher": PUSHER}}, "inactive")
    assert len(app.storage.jobs) == 1


@pytest.mark.parametrize(
    ("pusher", "data", "state", "expected"),
    [
        (PUSHER, {}, "background", "should process"),
        ({**PUSHER, "userShouldIgnore": True}, {}, "background", "should ignore"),
        # Its presence counts.
        ({**PUSHER, "userShouldIgnore": False}, {}, "background", "should ignore"),
        ({**PUSHER, "userShouldIgnore": True}, {"order": 1}, "active", "should process"),
        ({"userShouldIgnore": True}, {}, "background", "should process"),
    ],
)
def test_ios_tells_the_app_what_is_for_it(
    pusher: dict[str, object], data: dict[str, object], state: str, expected: str
) -> None:
    payload = {"aps": {}, "data": {**data, "pusher": pusher}}
    told = ios(says(OK)).handle_notification(payload, state)  # type: ignore[arg-type]
    assert told == expected
