"""What an app's server is told of its publishes: its own, page by page, and user by user."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.browsers import Browsers, hello, new_name
from tests.client import Instance, Reply
from tests.contract.answers import assert_refused, document
from tests.server import Server
from tests.waiting import eventually, finished

UNKNOWN = "pubid-00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]
) -> Iterator[Server]:
    """One that may be asked as often as a test waits for an answer."""
    unlimited = {**environment, "HELIOGRAPH_PUBLISH_RATE": "0"}
    data = tmp_path_factory.mktemp("published") / "data"
    with Server.start(data, environment=unlimited) as running:
        yield running


@pytest.fixture(scope="module")
def app(server: Server) -> Instance:
    """An instance of which these tests alone publish."""
    return server.create_instance("published")


@pytest.fixture(scope="module")
def other_instance(server: Server) -> Instance:
    return server.create_instance("other")


def published(app: Instance, number: int) -> list[str]:
    """So many publishes, which are in the store; newest first."""
    made = [
        str(document(app.publish.to_users([new_name("nobody")]))["publishId"])
        for _ in range(number)
    ]
    for publish_id in made:
        eventually(partial(ended, app, publish_id))
    return [one["publishId"] for one in document(app.admin.publishes(limit=number))["publishes"]]


def ended(app: Instance, publish_id: str) -> bool:
    reply = app.admin.publish(publish_id)
    return reply.status == 200 and reply.json()["finishedAt"] is not None


def ids(reply: Reply) -> list[str]:
    return [one["publishId"] for one in document(reply)["publishes"]]


def test_the_same_is_told_by_the_api_and_by_the_command(server: Server, browsers: Browsers) -> None:
    app, user = browsers.instance, new_name("alice")
    browsers.new(user=user)
    publish_id = document(app.publish.to_users([user], hello("x")))["publishId"]
    finished(server, publish_id)
    shown = document(app.admin.publish(publish_id))
    assert shown == server.json_of("publish", "show", publish_id)
    assert (shown["names"], shown["state"]) == ([user], "finished")
    assert shown["platforms"]["web"]["delivered"] == 1
    users = document(app.admin.users_of(publish_id))["users"]
    assert users == server.json_of("publish", "show", publish_id, "--users")["users"]
    [listed] = document(app.admin.publishes(limit=1, audience="users"))["publishes"]
    command = ("publish", "list", "--limit", "1", "--to", "users", "--instance", app.id)
    assert listed == server.json_of(*command)["publishes"][0]


def test_the_list_goes_page_by_page_and_leaves_nothing_out(app: Instance) -> None:
    published(app, 5)
    every = ids(app.admin.publishes())
    pages: list[str] = []
    query: dict[str, object] = {"limit": 2}
    while True:
        page = document(app.admin.publishes(**query))
        pages += [one["publishId"] for one in page["publishes"]]
        if "nextCursor" not in page["responseMetadata"]:
            break
        query["cursor"] = page["responseMetadata"]["nextCursor"]
    assert pages == every
    assert len(set(every)) == len(every) >= 5


def test_the_list_is_of_what_was_asked_for(app: Instance) -> None:
    newest, *_ = published(app, 2)
    document(app.publish.to_interests(["news"]))
    interests = eventually(lambda: ids(app.admin.publishes(audience="interests")))
    assert not {*interests} & {*ids(app.admin.publishes(audience="users"))}
    assert newest in ids(app.admin.publishes(state="finished"))
    assert newest not in ids(app.admin.publishes(state="under way"))
    at = document(app.admin.publish(newest))["acceptedAt"]
    assert newest in ids(app.admin.publishes(since=at))
    assert newest not in ids(app.admin.publishes(until=at))
    assert ids(app.admin.publishes(since="9999-01-01")) == []


def test_a_publish_in_a_list_names_the_first_few_of_many(app: Instance) -> None:
    users = [f"user-{number:04}" for number in range(1000)]
    publish_id = document(app.publish.to_users(users))["publishId"]
    eventually(lambda: ended(app, publish_id))
    [listed] = document(app.admin.publishes(limit=1))["publishes"]
    assert (len(listed["names"]), listed["nameCount"]) == (10, 1000)
    assert document(app.admin.publish(publish_id))["names"] == users


def test_users_go_page_by_page_in_the_order_of_their_ids(app: Instance) -> None:
    users = [f"𐍈/{number}?" for number in range(7)]
    publish_id = document(app.publish.to_users(users[::-1]))["publishId"]
    eventually(lambda: ended(app, publish_id))
    pages, query = list[str](), dict[str, object](limit=3)
    for _ in range(3):
        page = document(app.admin.users_of(publish_id, **query))
        pages += [user["userId"] for user in page["users"]]
        assert {user["outcome"] for user in page["users"]} == {"no devices"}
        query["cursor"] = page["responseMetadata"].get("nextCursor", "")
    assert (pages, query["cursor"]) == (users, "")


ASKED: dict[str, Callable[[Instance, str], Reply]] = {
    "list": lambda app, _publish_id: app.admin.publishes(),
    "one": lambda app, publish_id: app.admin.publish(publish_id),
    "users": lambda app, publish_id: app.admin.users_of(publish_id),
    "timeline": lambda app, _publish_id: app.admin.timeline("alice"),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_nobody_is_told_without_a_secret_key_of_the_instance(
    app: Instance, other_instance: Instance, ask: Callable[[Instance, str], Reply]
) -> None:
    [publish_id] = published(app, 1)
    for key in ("wrong", other_instance.secret_key, ""):
        assert_refused(ask(app.with_key(key), publish_id), 401)
    nowhere = Instance(app.client, str(uuid4()), app.secret_key)
    assert_refused(ask(nowhere, publish_id), 404, "instance")


def test_a_publish_of_another_instance_is_unknown(app: Instance, other_instance: Instance) -> None:
    [publish_id] = published(app, 1)
    assert publish_id not in ids(other_instance.admin.publishes())
    for unknown in (publish_id, UNKNOWN, "%00"):
        assert_refused(other_instance.admin.publish(unknown), 404, "publish")
        assert_refused(other_instance.admin.users_of(unknown), 404, "publish")
    for unknown in (publish_id, UNKNOWN, "\0", ""):
        asked = other_instance.admin.timeline("alice", publish=unknown)
        assert_refused(asked, 404, "publish")


def test_a_user_of_another_instance_is_another_user(
    app: Instance, other_instance: Instance, user_id: str
) -> None:
    app.device_of(user_id)
    assert len(document(app.admin.timeline(user_id))["devices"]) == 1
    assert document(other_instance.admin.timeline(user_id))["devices"] == []


@pytest.mark.parametrize("user", ["a/b", "a+b", "𐍈", "x/timeline", "?&#%", "alice"])
def test_a_timeline_is_of_the_user_that_the_path_names(app: Instance, user: str) -> None:
    assert document(app.admin.timeline(quote(user, safe="")))["userId"] == user


@pytest.mark.parametrize(("user", "status"), [("", 404), ("x" * 165, 400), ("%FF", 400)])
def test_a_timeline_of_nobody_is_refused(app: Instance, user: str, status: int) -> None:
    assert_refused(app.admin.timeline(user), status, "user")


WRONG: list[tuple[str, Any]] = [
    ("limit", "0"),
    ("limit", "101"),
    ("limit", "many"),
    ("cursor", "nonsense"),
    ("cursor", "MTox/"),
    ("cursor", "OTk5OTk5OTk5OTk5OTk5OTk5OTk6eA"),
    ("cursor", "MToA"),
    ("state", "done"),
    ("audience", "everybody"),
    ("since", "yesterday"),
    ("until", "2026-13-01"),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=repr)
def test_what_is_wrong_with_a_query_is_named(app: Instance, name: str, value: str) -> None:
    assert_refused(app.admin.publishes(**{name: value}), 400, name)


def test_a_publish_to_interests_is_not_told_user_by_user(server: Server, app: Instance) -> None:
    publish_id = document(app.publish.to_interests(["news"]))["publishId"]
    eventually(lambda: ended(app, publish_id))
    assert_refused(app.admin.users_of(publish_id), 400, "users")
    refused = server.cli("publish", "show", publish_id, "--users")
    assert (refused.returncode, "users" in refused.stderr) == (1, True)


def test_a_list_for_people_says_how_to_go_on(server: Server, app: Instance) -> None:
    newest, older = published(app, 2)
    command = ("publish", "list", "--instance", app.id, "--limit", "1")
    first = server.cli(*command).stdout
    assert newest in first
    cursor = first.rsplit(maxsplit=1)[1]
    assert older in server.cli(*command, "--cursor", cursor).stdout
    assert json.loads(server.cli(*command, "--json").stdout)["responseMetadata"]["nextCursor"]
