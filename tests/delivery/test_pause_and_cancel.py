"""A publish is paused, resumed or cancelled under way: at once, exactly, and over a restart.

What comes out on the other side is counted by the gateway; that nothing more comes is seen when a
publish that came later has gone by.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from heliograph.model.publish import AudienceKind
from tests.apns_service import Answer, ApnsService
from tests.phones import done, import_iphones, iphone, set_apns_key
from tests.server import Server
from tests.waiting import eventually, finished

DEVICES = 2_400
A_USERS_DEVICES = 30
WITHIN_S = 60
CROWD = "crowd"
INTERESTS, USERS_KIND = AudienceKind.INTERESTS, AudienceKind.USERS
USERS = [f"user-{number}" for number in range(DEVICES // A_USERS_DEVICES)]
FULL = 200
"""In flight, with a gateway that holds its answers (docs/how-it-works.md)."""
LEAST_TIME = timedelta(seconds=10)
"""A message with a shorter time to live is given so long to be sent at all."""


class Phones:
    """A crowd of iPhones, which all of some publishes are for, and one that others are for."""

    def __init__(self, server: Server, apns: ApnsService, directory: Path) -> None:
        self.apns = apns
        self.server = server
        self.tokens = apns.new_devices(DEVICES)
        self._one = apns.new_devices(1)[0]
        set_apns_key(server, apns, directory)
        devices = [
            {"token": token, "interests": [CROWD], "userId": USERS[number // A_USERS_DEVICES]}
            for number, token in enumerate(self.tokens)
        ]
        import_iphones(server, devices, directory / "devices.jsonl")
        other = iphone(server.instance, self._one, user="other")
        assert server.instance.devices.put_interests(other, ["other"]).status == 200

    def publish(self, kind: AudienceKind, **apns: object) -> str:
        """A publish to the crowd; its id."""
        return self._publish(kind, [CROWD], USERS, **apns)

    def publish_to_a_gateway_that_holds(self, kind: AudienceKind, **apns: object) -> str:
        """The same, when the gateway has all of it that it can have at a time."""
        self.apns.hold()
        publish_id = self.publish(kind, **apns)
        eventually(lambda: self.apns.request_count() == FULL + len(AudienceKind))
        return publish_id

    def publish_to_the_one(self, kind: AudienceKind = INTERESTS) -> str:
        return self._publish(kind, ["other"], ["other"])

    def let_another_by(self, kind: AudienceKind) -> None:
        """Send to the one phone, by the same way, and wait until that is done."""
        another = self.publish_to_the_one(kind)
        assert finished(self.server, another, platform="apns")["delivered"] == 1

    def received(self) -> int:
        """How many messages the crowd has got."""
        return sum(self.counts().values())

    def wait_until_received(self, number: int) -> None:
        eventually(lambda: self.received() >= number)

    def counts(self) -> dict[str, int]:
        counts = self.apns.message_counts()
        return {token: counts[token] for token in self.tokens if token in counts}

    def _publish(
        self, kind: AudienceKind, interests: list[str], users: list[str], **apns: object
    ) -> str:
        payload = {"apns": {"aps": {"alert": "hello"}, **apns}}
        api = self.server.instance.publish
        reply = (
            api.to_users(users, payload)
            if kind is USERS_KIND
            else api.to_interests(interests, payload)
        )
        assert reply.status == 200
        return str(reply.json()["publishId"])


@pytest.fixture(scope="module")
def all_phones(
    environment: dict[str, str],
    apns_service: ApnsService,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Phones]:
    directory = tmp_path_factory.mktemp("phones")
    with Server.start(directory / "data", environment=environment) as server:
        yield Phones(server, apns_service, directory)


@pytest.fixture
def phones(all_phones: Phones, apns_service: ApnsService) -> Iterator[Phones]:
    # APNs takes one request at a time until the first was good.
    for kind in AudienceKind:
        all_phones.let_another_by(kind)
    yield all_phones
    apns_service.release()


either_kind = pytest.mark.parametrize("kind", [INTERESTS, USERS_KIND])


def shown(server: Server, publish_id: str) -> dict[str, Any]:
    return dict(json.loads(done(server, "publish", "show", publish_id, "--json")))


def when_shown(server: Server, publish_id: str, is_so: Callable[[dict[str, Any]], bool]) -> None:
    def said() -> bool:
        report = shown(server, publish_id)
        return is_so({"state": report["state"], **report["platforms"].get("apns", {})})

    eventually(said, within_s=WITHIN_S)


def counted(report: dict[str, Any]) -> dict[str, int]:
    return {name: number for name, number in report.items() if number and name != "reasons"}


@either_kind
def test_a_paused_publish_stands_still_and_goes_on_where_it_was(
    phones: Phones, kind: AudienceKind
) -> None:
    server = phones.server
    publish_id = phones.publish_to_a_gateway_that_holds(kind)
    done(server, "publish", "pause", publish_id)
    phones.apns.release()
    when_shown(server, publish_id, lambda said: said.get("delivered", 0) >= FULL)
    sent = phones.received()
    assert sent == FULL
    phones.let_another_by(kind)
    assert phones.received() == sent
    said = shown(server, publish_id)
    assert (said["state"], said["finishedAt"], said["settledDevices"]) == ("paused", None, sent)
    done(server, "publish", "resume", publish_id)
    assert_all_got_it(phones, publish_id)


def test_whatever_the_moments_each_device_gets_it_once(phones: Phones) -> None:
    phones.apns.answer_all(Answer(delay_s=0.3))
    publish_id = phones.publish(INTERESTS)
    for sent in (1, DEVICES // 4):
        phones.wait_until_received(sent)
        done(phones.server, "publish", "pause", publish_id)
        done(phones.server, "publish", "resume", publish_id)
    phones.apns.answer_all(None)
    assert_all_got_it(phones, publish_id)


def test_one_that_is_paused_when_all_of_it_is_with_the_gateway_finishes(phones: Phones) -> None:
    server = phones.server
    phones.apns.hold()
    publish_id = phones.publish_to_the_one()
    eventually(lambda: phones.apns.request_count() == 1 + len(AudienceKind))
    done(server, "publish", "pause", publish_id)
    phones.apns.release()
    assert finished(server, publish_id, platform="apns")["delivered"] == 1
    assert shown(server, publish_id)["state"] == "finished"


@either_kind
@pytest.mark.parametrize("before", ["under way", "paused"])
def test_a_cancelled_publish_ends_with_what_was_with_the_gateway(
    phones: Phones, kind: AudienceKind, before: str
) -> None:
    server = phones.server
    publish_id = phones.publish_to_a_gateway_that_holds(kind)
    if before == "paused":
        done(server, "publish", "pause", publish_id)
    done(server, "publish", "cancel", publish_id)
    phones.apns.release()
    report = counted(finished(server, publish_id, platform="apns", within_s=WITHIN_S))
    sent = phones.received()
    assert sent == FULL
    assert report.keys() == {"targets", "delivered", "cancelled"}
    assert report["delivered"] == sent
    assert report["delivered"] + report["cancelled"] == report["targets"] <= DEVICES
    phones.let_another_by(kind)
    assert phones.received() == sent
    assert shown(server, publish_id)["state"] == "cancelled"


def test_what_waits_for_another_try_is_cancelled_too(phones: Phones) -> None:
    server, apns = phones.server, phones.apns
    apns.answer_all(Answer(status=503, reason="ServiceUnavailable"))
    publish_id = phones.publish(INTERESTS)
    when_shown(server, publish_id, lambda said: said.get("retried", 0) > 0)
    done(server, "publish", "cancel", publish_id)
    apns.answer_all(None)
    report = finished(server, publish_id, platform="apns", within_s=WITHIN_S)
    assert phones.received() == report["delivered"] == 0
    assert report["cancelled"] == report["targets"] > 0


def test_a_paused_publish_stays_so_over_a_restart(phones: Phones) -> None:
    server = phones.server
    publish_id = phones.publish_to_a_gateway_that_holds(INTERESTS)
    done(server, "publish", "pause", publish_id)
    phones.apns.release()
    server.restart()
    sent = phones.received()
    phones.let_another_by(INTERESTS)
    assert (phones.received(), shown(server, publish_id)["state"]) == (sent, "paused")
    done(server, "publish", "resume", publish_id)
    assert_all_got_it(phones, publish_id)


def test_the_time_to_live_of_a_paused_publish_goes_on(phones: Phones) -> None:
    server, now = phones.server, datetime.now(UTC)
    expiration = round(now.timestamp()) + 1
    publish_id = phones.publish_to_a_gateway_that_holds(INTERESTS, expiration=expiration)
    done(server, "publish", "pause", publish_id)
    phones.apns.release()
    eventually(lambda: datetime.now(UTC) > now + LEAST_TIME + timedelta(seconds=1))
    done(server, "publish", "resume", publish_id)
    report = finished(server, publish_id, platform="apns", within_s=WITHIN_S)
    late = DEVICES - phones.received()
    assert counted(report) == {"targets": DEVICES, "delivered": DEVICES - late, "failed": late}
    assert report["reasons"] == {"failed: the time to live is over": late}
    assert late >= DEVICES - FULL


def test_what_is_finished_or_unknown_can_not_be_changed(phones: Phones) -> None:
    server, publish_id = phones.server, phones.publish_to_the_one()
    finished(server, publish_id, platform="apns")
    for command in ("pause", "resume", "cancel"):
        unknown = server.cli("publish", command, "pubid-unknown")
        assert (unknown.returncode, unknown.stderr) == (1, "Error: no such publish\n")
        late = server.cli("publish", command, publish_id)
        assert late.returncode == 1
        assert "it is finished already" in late.stderr


def test_what_is_cancelled_is_so_for_good(phones: Phones) -> None:
    server = phones.server
    publish_id = phones.publish_to_a_gateway_that_holds(INTERESTS)
    for _ in range(2):
        done(server, "publish", "cancel", publish_id)
    for command in ("pause", "resume"):
        refused = server.cli("publish", command, publish_id)
        assert refused.returncode == 1
        assert "it was cancelled, and that is for good" in refused.stderr
    phones.apns.release()
    finished(server, publish_id, platform="apns")


def assert_all_got_it(phones: Phones, publish_id: str) -> None:
    report = finished(phones.server, publish_id, platform="apns", within_s=WITHIN_S)
    assert phones.counts() == dict.fromkeys(phones.tokens, 1)
    assert counted(report) == {"targets": DEVICES, "delivered": DEVICES}
    assert shown(phones.server, publish_id)["state"] == "finished"
