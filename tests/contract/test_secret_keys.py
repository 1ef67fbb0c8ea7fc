"""Secret keys are rotated while both work, and end at once when revoked."""

import pytest

from tests.client import Instance
from tests.contract.answers import assert_done, assert_refused, document
from tests.server import Server


@pytest.fixture
def rotated(server: Server) -> tuple[Instance, Instance]:
    """An instance as seen with its first key, and with the one that came by rotation."""
    old = server.create_instance("rotated")
    made = server.json_of("instance", "rotate-key", old.id)
    return old, old.with_key(made["secretKey"])


def key_ids(server: Server, instance: Instance) -> list[str]:
    """Return the ids of the active keys, oldest first."""
    shown = server.json_of("instance", "show", instance.id)
    return [key["id"] for key in shown["secretKeys"]]


def assert_works(app: Instance, user_id: str) -> None:
    assert document(app.publish.to_users([user_id]))["publishId"]
    device_id = app.devices.new("web")
    assert_done(app.devices.put_user(device_id, app.token(user_id)))
    assert_done(app.customer.delete_user(user_id))


def assert_is_dead(app: Instance, user_id: str) -> None:
    assert_refused(app.publish.to_users([user_id]), 401, "incorrect secret key")
    assert_refused(app.publish.to_interests(["news"]), 401, "incorrect secret key")
    assert_refused(app.devices.put_user(app.devices.new("web"), app.token(user_id)), 401)
    assert_refused(app.customer.delete_user(user_id), 401)


def test_old_and_new_key_work_after_a_rotation(
    rotated: tuple[Instance, Instance], user_id: str
) -> None:
    old, new = rotated
    assert old.secret_key != new.secret_key
    assert_works(old, user_id)
    assert_works(new, user_id)


def test_a_revoked_key_ends_at_once(
    server: Server, rotated: tuple[Instance, Instance], user_id: str
) -> None:
    old, new = rotated
    assert_works(old, user_id)
    first, _second = key_ids(server, old)

    revoked = server.cli("instance", "revoke-key", old.id, str(first))

    assert revoked.returncode == 0, revoked.stderr
    assert_is_dead(old, user_id)
    assert_works(new, user_id)


def test_a_device_tied_with_a_revoked_key_stays_tied(
    server: Server, rotated: tuple[Instance, Instance], user_id: str
) -> None:
    old, new = rotated
    device_id = old.device_of(user_id)
    server.cli("instance", "revoke-key", old.id, str(key_ids(server, old)[0]))
    assert document(new.devices.get(device_id))["userId"] == user_id
    assert_done(new.devices.put_user(device_id, new.token(user_id)))


def test_the_key_of_one_instance_opens_no_other(
    instance: Instance, other_instance: Instance, user_id: str
) -> None:
    device_id = other_instance.device_of(user_id)
    assert_is_dead(other_instance.with_key(instance.secret_key), user_id)
    assert document(other_instance.devices.get(device_id))["userId"] == user_id


def test_a_beams_token_is_no_secret_key(instance: Instance, user_id: str) -> None:
    intruder = instance.with_key(instance.token(user_id))
    assert_refused(intruder.publish.to_users([user_id]), 401, "incorrect secret key")
    assert_refused(intruder.customer.delete_user(user_id), 401)
