"""A phone that its gateway had called gone, and that registers again, is the device it was."""

from functools import partial
from pathlib import Path

import pytest

from tests.browsers import new_name
from tests.contract.crowd import at_once
from tests.delivery.outcomes import is_there
from tests.fcm_service import FcmService, fcm_error
from tests.phones import android, done, set_service_account
from tests.server import Server
from tests.waiting import finished

UNREGISTERED = fcm_error(404, "NOT_FOUND", "UNREGISTERED")
DATA = {"fcm": {"data": {"n": 1}}}


class Phone:
    """An Android phone of a user, with interests, that Google has just called gone."""

    def __init__(self, server: Server, fcm: FcmService, project: str) -> None:
        self.server = server
        self.fcm = fcm
        self.user = new_name("alice")
        [self.token] = fcm.new_devices(project, 1)
        self.id = android(server.instance, self.token, user=self.user)
        assert server.instance.devices.put_interests(self.id, ["art", "news"]).status == 200
        self.is_called_gone()

    def is_called_gone(self) -> None:
        self.fcm.answer_next(self.token, UNREGISTERED)
        assert self.publish()["removed"] == 1
        assert not is_there(self.server, self.id)

    def publish(self) -> dict[str, int]:
        """Publish to the user; what became of it."""
        reply = self.server.instance.publish.to_users([self.user], DATA)
        return dict(finished(self.server, reply.json()["publishId"], platform="fcm"))

    def registered(self) -> tuple[str, list[str], str]:
        """Register the token; id, interests and user of the device."""
        devices = self.server.instance.devices
        answer = devices.register_fcm(self.token).json()
        user = devices.get(answer["id"]).json()["userId"]
        return answer["id"], answer["initialInterestSet"], user


@pytest.fixture
def phone(own_server: Server, fcm_service: FcmService, tmp_path: Path) -> Phone:
    account = set_service_account(own_server, fcm_service, tmp_path)
    return Phone(own_server, fcm_service, account["project_id"])


def test_it_has_its_id_its_interests_and_its_user_as_often_as_it_comes_back(phone: Phone) -> None:
    for _ in range(2):
        assert phone.registered() == (phone.id, ["art", "news"], phone.user)
        assert phone.server.instance.devices.all_interests(phone.id) == ["art", "news"]
        assert phone.publish()["delivered"] == 1
        phone.is_called_gone()


def test_a_device_that_is_back_is_not_waiting_to_be_brought_back(phone: Phone) -> None:
    assert phone.id in done(phone.server, "device", "restore")
    phone.registered()
    assert phone.id not in done(phone.server, "device", "restore")


def test_a_device_that_was_stopped_never_comes_back(phone: Phone) -> None:
    assert phone.server.instance.devices.delete(phone.id).status == 200
    device_id, interests, user = phone.registered()
    assert device_id != phone.id
    assert (interests, user) == ([], "")


def test_a_device_whose_user_was_deleted_never_comes_back(phone: Phone) -> None:
    assert phone.server.instance.customer.delete_user(phone.user).status == 200
    device_id, interests, user = phone.registered()
    assert device_id != phone.id
    assert (interests, user) == ([], "")


def test_a_stop_between_registrations_ends_it_for_good(phone: Phone) -> None:
    devices = phone.server.instance.devices
    register, stop = partial(devices.register_fcm, phone.token), partial(devices.delete, phone.id)
    replies = at_once([register, register, register, stop, register, register, register])
    assert {reply.status for reply in replies} == {200}
    assert not is_there(phone.server, phone.id)
    assert phone.registered()[1:] == ([], "")


def test_registrations_at_once_bring_one_device_back(phone: Phone) -> None:
    register = partial(phone.server.instance.devices.register_fcm, phone.token)
    found = [reply.json() for reply in at_once([register] * 20)]
    assert found == [{"id": phone.id, "initialInterestSet": ["art", "news"]}] * 20


def test_a_user_with_a_hundred_other_devices_gets_no_further_one(phone: Phone) -> None:
    """The phone is a new device then: nobody's, but with its interests."""
    others = [phone.server.instance.device_of(phone.user, "fcm") for _ in range(100)]
    device_id, interests, user = phone.registered()
    assert device_id != phone.id
    assert (interests, user) == (["art", "news"], "")
    # For good, also if there is room again.
    assert phone.server.instance.devices.delete(others[0]).status == 200
    assert phone.registered() == (device_id, ["art", "news"], "")
    assert phone.id not in done(phone.server, "device", "restore")


def test_a_push_token_that_another_device_has_taken_brings_nobody_back(phone: Phone) -> None:
    """Else who stops that device would be whoever had the push token before."""
    devices = phone.server.instance.devices
    taker = devices.new("fcm")
    assert devices.put_token(taker, phone.token).status == 200
    assert devices.delete(taker).status == 200
    device_id, interests, user = phone.registered()
    assert device_id not in {phone.id, taker}
    assert (interests, user) == ([], "")


def test_a_push_token_that_was_imported_brings_nobody_back(phone: Phone) -> None:
    line = f'{{"platform": "fcm", "token": "{phone.token}", "userId": "bob"}}'
    ran = phone.server.cli("import", "-", "--instance", phone.server.instance_id, stdin=line)
    assert ran.returncode == 0, ran.stderr
    imported, _interests, user = phone.registered()
    assert user == "bob"
    assert phone.server.instance.devices.delete(imported).status == 200
    assert phone.registered()[1:] == ([], "")
