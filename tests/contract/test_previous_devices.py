"""An Android app says which devices it was before: the new one begins with their interests."""

from collections.abc import Sequence

import pytest

from tests.client import DeviceApi, Instance
from tests.contract.answers import assert_done, document
from tests.push_tokens import new_push_token


def register(devices: DeviceApi, token: str, previous: object) -> dict[str, object]:
    body = {"token": token, "knownPreviousClientIds": previous}
    return dict(document(devices.register("fcm", body)))


def device_with(devices: DeviceApi, interests: Sequence[str], platform: str = "fcm") -> str:
    device_id = devices.new(platform)
    assert_done(devices.put_interests(device_id, interests))
    return device_id


def test_a_new_device_is_subscribed_to_what_the_previous_was(devices: DeviceApi) -> None:
    previous = device_with(devices, ["news", "sport"])
    registered = register(devices, new_push_token("fcm"), [previous])
    assert registered["id"] != previous
    assert registered["initialInterestSet"] == ["news", "sport"]
    assert devices.all_interests(str(registered["id"])) == ["news", "sport"]
    assert devices.all_interests(previous) == ["news", "sport"]


def test_several_previous_devices_count_together(devices: DeviceApi) -> None:
    previous = [device_with(devices, ["news", "sport"]), device_with(devices, ["art", "news"])]
    registered = register(devices, new_push_token("fcm"), previous)
    assert registered["initialInterestSet"] == ["art", "news", "sport"]


def test_what_is_inherited_has_the_limit_of_a_device(devices: DeviceApi) -> None:
    previous = [
        device_with(devices, [f"{name}-{number}" for number in range(3000)]) for name in "ab"
    ]
    registered = register(devices, new_push_token("fcm"), previous)
    assert len(devices.all_interests(str(registered["id"]))) == 5000


def test_a_known_device_keeps_its_own_interests(devices: DeviceApi) -> None:
    previous, token = device_with(devices, ["news"]), new_push_token("fcm")
    known = register(devices, token, [])
    again = register(devices, token, [previous])
    assert again == {"id": known["id"], "initialInterestSet": []}


def test_the_user_of_a_previous_device_is_not_inherited(
    instance: Instance, devices: DeviceApi, user_id: str
) -> None:
    previous = instance.device_of(user_id, "fcm")
    registered = register(devices, new_push_token("fcm"), [previous])
    assert document(devices.get(str(registered["id"])))["userId"] == ""


def test_a_device_of_another_instance_is_none_of_the_previous(
    devices: DeviceApi, other_instance: Instance
) -> None:
    stranger = device_with(other_instance.devices, ["news"])
    assert register(devices, new_push_token("fcm"), [stranger])["initialInterestSet"] == []


@pytest.mark.parametrize(
    "previous",
    [None, "a text", {}, [], [5, None, []], ["anything", "\x00", ""], ["fcm-" + "0" * 36] * 5000],
)
def test_what_names_no_device_is_passed_over(devices: DeviceApi, previous: object) -> None:
    assert register(devices, new_push_token("fcm"), previous)["initialInterestSet"] == []
