"""A server whose store is PostgreSQL keeps what it promises, and shares the store with others."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.browsers import Browsers, hello, new_name
from tests.client import Instance
from tests.contract.crowd import at_once
from tests.postgresql import Postgresql
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually, finished

PASSWORD = "secret-password"


@pytest.fixture
def shared_environment(postgresql: Postgresql, environment: dict[str, str]) -> dict[str, str]:
    """The settings of servers that share a database."""
    return {**environment, "HELIOGRAPH_DATABASE_URL": postgresql.new_database()}


@pytest.fixture
def postgresql_server(tmp_path: Path, shared_environment: dict[str, str]) -> Iterator[Server]:
    with Server.start(tmp_path / "data", environment=shared_environment) as running:
        yield running


def test_a_publish_to_users_reaches_their_devices(
    postgresql_server: Server, push_service: PushService
) -> None:
    browsers = Browsers(push_service, postgresql_server.instance)
    alice, bob = new_name("alice"), new_name("bob")
    hers = [browsers.new(user=alice) for _ in range(3)]
    his = browsers.new(user=bob)
    hers[0].stop()
    reply = postgresql_server.instance.publish.to_users([alice], hello("hello"))
    report = finished(postgresql_server, reply.json()["publishId"])
    assert [browser.titles() for browser in hers] == [[], ["hello"], ["hello"]]
    assert his.titles() == []
    assert report["targets"] == report["delivered"] == 2


def test_commands_work_on_the_database_and_no_file_is_made(postgresql_server: Server) -> None:
    made = postgresql_server.json_of("instance", "create", "another")
    listed = postgresql_server.json_of("instance", "list")
    assert made["instanceId"] in {one["instanceId"] for one in listed}
    found = {one["part"]: one for one in postgresql_server.json_of("doctor")}
    assert found["store"]["found"].startswith("PostgreSQL ")
    assert not (postgresql_server.data / "heliograph.db").exists()


def test_the_password_is_not_in_the_log_or_what_commands_print(
    postgresql_server: Server, shared_environment: dict[str, str], tmp_path: Path
) -> None:
    assert PASSWORD in shared_environment["HELIOGRAPH_DATABASE_URL"]
    said = postgresql_server.cli("doctor")
    wrong = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{postgresql_server.port}/none"
    nowhere = str(tmp_path / "nowhere")
    refused = postgresql_server.cli("serve", "--data", nowhere, "--database-url", wrong)
    assert refused.returncode == 2
    log = postgresql_server.log.read_text()
    assert PASSWORD not in log + said.stdout + said.stderr + refused.stdout + refused.stderr


def test_the_101st_device_is_refused_when_150_arrive_at_once(postgresql_server: Server) -> None:
    instance = postgresql_server.instance
    devices, token = instance.devices, instance.token("alice")
    device_ids = [devices.new("fcm") for _ in range(150)]
    replies = at_once([partial(devices.put_user, each, token) for each in device_ids])
    assert sorted(reply.status for reply in replies) == [200] * 100 + [422] * 50
    shown = postgresql_server.json_of("user", "show", "alice")
    told = {each for each, reply in zip(device_ids, replies, strict=True) if reply.status == 200}
    assert {one["id"] for one in shown["devices"]} == told


def test_what_is_done_at_one_server_is_in_force_at_another(
    postgresql_server: Server,
    shared_environment: dict[str, str],
    push_service: PushService,
    tmp_path: Path,
) -> None:
    key = (postgresql_server.data / "master.key").read_text().strip()
    environment = {**shared_environment, "HELIOGRAPH_MASTER_KEY": key}
    here = postgresql_server.instance
    with Server.start(tmp_path / "second", environment=environment) as second:
        assert not (second.data / "credentials.json").exists()
        there = Instance(second.client, here.id, here.secret_key)
        user = new_name("alice")
        stays, goes = [Browsers(push_service, here).new(user=user) for _ in range(2)]
        assert there.devices.delete(goes.device_id).status == 200
        assert there.publish.to_users([user], hello("from there")).status == 200
        assert eventually(stays.titles) == ["from there"]
        assert here.publish.to_users([user], hello("from here")).status == 200
        eventually(lambda: stays.titles() == ["from there", "from here"])
        assert goes.titles() == []


@pytest.mark.usefixtures("postgresql_server")
def test_a_second_server_without_the_first_ones_master_key_is_refused(
    shared_environment: dict[str, str], tmp_path: Path
) -> None:
    second = Server(tmp_path / "second", port=1, environment=shared_environment, certificate=None)
    refused = second.cli("serve")
    assert refused.returncode == 2
    assert "sealed with another master key" in refused.stderr
    assert "HELIOGRAPH_MASTER_KEY" in refused.stderr
    assert not (second.data / "master.key").exists()
