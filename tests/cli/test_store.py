"""heliograph store copy moves a server from SQLite to PostgreSQL, and nobody notices."""

from pathlib import Path

import pytest

from tests.browsers import Browsers, hello, new_name
from tests.postgresql import Postgresql
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import eventually


@pytest.fixture
def url(postgresql: Postgresql) -> str:
    return postgresql.new_database()


def test_a_server_goes_on_with_the_copy_where_it_was(
    own_server: Server, environment: dict[str, str], push_service: PushService, url: str
) -> None:
    alice = new_name("alice")
    browser = Browsers(push_service, own_server.instance).new(user=alice, interests=("news",))
    own_server.create_instance("another")
    own_server.stop()
    copied = own_server.json_of("store", "copy", "--to", url)
    assert (copied["instances"], copied["devices"], copied["subscriptions"]) == (2, 1, 1)
    (own_server.data / "heliograph.db").unlink()
    moved = {**environment, "HELIOGRAPH_DATABASE_URL": url}
    with Server.start(own_server.data, environment=moved) as server:
        assert server.instance.publish.to_users([alice], hello("moved")).status == 200
        assert eventually(browser.titles) == ["moved"]


def test_of_several_instances_one_can_be_copied(own_server: Server, url: str) -> None:
    wanted = own_server.create_instance("wanted")
    own_server.stop()
    said = own_server.cli("store", "copy", "--to", url, "--instance", wanted.id)
    assert said.returncode == 0
    assert "instances" in said.stdout
    assert "secret-password" not in said.stdout + said.stderr
    again = own_server.cli("store", "copy", "--to", url)
    assert again.returncode == 1
    assert f"has {wanted.id} already" in again.stderr


def test_while_a_server_runs_nothing_is_copied(own_server: Server, url: str) -> None:
    refused = own_server.cli("store", "copy", "--to", url)
    assert refused.returncode == 2
    assert f"process {own_server.process.pid}" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "HELIOGRAPH_DATABASE_URL"),
        (("--to", "sqlite:///file"), "postgresql://"),
        (("--to", "postgresql://host/database"), "no heliograph.db"),
    ],
)
def test_without_a_way_from_or_to_it_says_so(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    server = Server(tmp_path / "nothing", port=1, environment={}, certificate=None)
    refused = server.cli("store", "copy", *arguments)
    assert refused.returncode == 2
    assert words in refused.stderr
