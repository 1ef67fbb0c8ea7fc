"""Behind a reverse proxy: under a path, which it may strip or not, and under any host name."""

from collections.abc import Iterator

import pytest

from tests.client import Client, Instance, Reply
from tests.contract.answers import assert_done, assert_refused, document
from tests.server import Server

# One that has a word of our own paths in it.
PREFIX = "/users/push"
PAGE = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "PUT"}


class Under(Client):
    """A client whose endpoint has a path, as the Go, Ruby, PHP, web and Android SDKs keep it."""

    prefix: str

    def request(self, method: str, path: str, **rest: object) -> Reply:
        return super().request(method, self.prefix + path, **rest)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def prefixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("prefixed") / "data"
    environment = {"HELIOGRAPH_URL": f"https://example.com{PREFIX}/"}
    with Server.start(data, environment=environment) as running:
        yield running


@pytest.fixture(params=[PREFIX, ""], ids=["kept", "stripped"])
def app(prefixed: Server, request: pytest.FixtureRequest) -> Instance:
    client = Under("127.0.0.1", prefixed.port)
    client.prefix = request.param
    return Instance(client, prefixed.instance_id, prefixed.secret_key)


def test_every_api_is_there_with_and_without_the_prefix(app: Instance) -> None:
    device_id = app.device_of("alice")
    assert document(app.devices.get(device_id))["userId"] == "alice"
    assert_done(app.devices.post_interest(device_id, "a%40b"))
    assert document(app.devices.get_interests(device_id, "?limit=1"))["interests"] == ["a@b"]
    publish_id = document(app.publish.to_users(["alice"]))["publishId"]
    event = {"event": "open", "publishId": publish_id, "deviceId": device_id, "timestampSecs": 1}
    assert_done(app.reporting.report(event))
    assert_done(app.customer.delete_user("alice"))
    assert app.devices.get(device_id).status == 404
    assert document(app.client.request("GET", "/ready"))


def test_a_user_id_with_slashes_and_escapes_means_the_same(app: Instance) -> None:
    device_id = app.device_of("/users/push/a b+c")
    assert_done(app.customer.delete_user("%2Fusers/push/a%20b+c"))
    assert app.devices.get(device_id).status == 404


def test_refusals_are_the_same(app: Instance) -> None:
    assert_refused(app.publish.to_users(["x" * 165]), 422, "`users.0`")
    device_id = app.devices.new("web")
    assert_refused(app.devices.post_interest(device_id, "a:b"), 400)
    assert_refused(app.client.request("GET", "/nothing"), 404)


def test_a_page_may_ask_from_another_origin(app: Instance) -> None:
    path = app.devices.path_of(app.devices.new("web"))
    reply = app.client.request("OPTIONS", path + "/user", headers=PAGE)
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, "*")


def test_a_token_may_be_issued_for_the_whole_url(app: Instance) -> None:
    device_id = app.devices.new("web")
    claims = {**app.claims("alice"), "iss": f"https://example.com{PREFIX}"}
    assert_done(app.devices.put_user(device_id, app.sign(claims)))


@pytest.mark.parametrize(
    "prefix", ["/users/pus", "/users/pushy", 2 * PREFIX, "/users/PUSH", "/users"]
)
def test_another_prefix_leads_nowhere(prefixed: Server, prefix: str) -> None:
    assert_refused(prefixed.client.request("GET", f"{prefix}/health"), 404)


def test_the_host_name_may_be_the_instances_own(app: Instance) -> None:
    headers = {"Host": f"{app.id}.push.example.com"}
    path = f"{app.devices.base}/web-vapid-public-key"
    reply = app.client.request("GET", path, headers=headers)
    assert document(reply)["vapidPublicKey"]
