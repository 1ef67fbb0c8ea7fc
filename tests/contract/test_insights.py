"""Insights over HTTP and by command: what is asked is checked, what is told is right."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from tests.client import Instance, Reply
from tests.contract.answers import assert_refused, document
from tests.server import Server
from tests.waiting import eventually

FIGURES = {
    "publishes",
    "targets",
    "delivered",
    "failed",
    "removed",
    "trackable",
    "acknowledged",
    "openable",
    "opened",
    "acknowledgementRate",
    "openRate",
}


def ask(instance: Instance, **query: str) -> Reply:
    path = f"/admin_api/v1/instances/{instance.id}/insights?{urlencode(query)}"
    return instance.client.request("GET", path, headers=instance.publish.authorization)


@pytest.fixture(scope="module")
def quiet(server: Server) -> Instance:
    """An instance of which nobody makes use."""
    return server.create_instance("quiet")


def test_without_a_question_it_is_the_last_30_days(quiet: Instance) -> None:
    told = document(ask(quiet))
    since, until = (datetime.fromisoformat(told[name]) for name in ("since", "until"))
    assert timedelta(days=30) <= until - since < timedelta(days=30, hours=1)
    assert abs(until - datetime.now(UTC)) < timedelta(minutes=1)
    assert (told["by"], told["groups"]) == (None, [])
    assert set(told["total"]) == FIGURES
    rates = told["total"]["acknowledgementRate"], told["total"]["openRate"]
    assert rates == (None, None)


@pytest.mark.parametrize("by", ["hour", "day", "platform", "kind"])
def test_a_publish_is_told_apart(server: Server, by: str) -> None:
    instance = server.create_instance(f"by-{by}")
    instance.publish.to_interests(["nobody"])
    instance.publish.to_interests(["nobody"])
    eventually(lambda: document(ask(instance))["total"]["publishes"] == 2)
    told = document(ask(instance, by=by))
    assert told["by"] == by
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    if by == "platform":
        assert told["groups"] == []
    elif by == "kind":
        assert [(one["key"], one["publishes"]) for one in told["groups"]] == [("interests", 2)]
    else:
        assert sum(one["publishes"] for one in told["groups"]) == 2
        last = datetime.fromisoformat(told["groups"][-1]["key"])
        assert now - last <= timedelta(days=1)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since": "yesterday"}, "since"),
        ({"since": ""}, "since"),
        ({"until": "1-1-1"}, "until"),
        ({"until": "1969-01-01"}, "until"),
        ({"until": "9999-12-31T23:59:59Z"}, "until"),
        ({"since": "2026-05-02", "until": "2026-05-01"}, "since"),
        ({"since": "2026-05-01", "until": "2026-05-01"}, "since"),
        ({"since": "0001-01-01"}, "since"),
        ({"since": "2024-01-01", "until": "2026-01-01"}, "since"),
        ({"since": "2026-01-01", "until": "2026-03-01", "by": "hour"}, "since"),
        ({"by": "minute"}, "by"),
        ({"by": ""}, "by"),
    ],
)
def test_what_can_not_be_asked_is_refused(
    quiet: Instance, query: dict[str, str], field: str
) -> None:
    assert_refused(ask(quiet, **query), 400, field)


def test_a_year_may_be_asked_for_day_by_day(quiet: Instance) -> None:
    document(ask(quiet, since="2026-01-01", until="2027-01-01T00:00:00+00:00", by="day"))


def test_only_who_has_the_secret_key_is_told(quiet: Instance) -> None:
    path = f"/admin_api/v1/instances/{quiet.id}/insights"
    assert_refused(quiet.client.request("GET", path), 400, "Authorization")
    assert_refused(ask(quiet.with_key("wrong")), 401)
    assert_refused(ask(Instance(quiet.client, str(uuid4()), quiet.secret_key)), 404)


def test_the_command_tells_the_same(server: Server, quiet: Instance) -> None:
    told = server.json_of("insights", "--instance", quiet.id, "--since", "2h", "--by", "hour")
    since, until = (datetime.fromisoformat(told[name]) for name in ("since", "until"))
    assert timedelta(hours=2) <= until - since < timedelta(hours=3)
    assert told["total"] == document(ask(quiet))["total"]
    shown = server.cli("insights", "--instance", quiet.id, "--since", "2026-01-01", "--by", "day")
    assert shown.returncode == 0, shown.stderr
    assert "ACK %" in shown.stdout


@pytest.mark.parametrize(
    "wrong", [("--since", "soon"), ("--by", "minute"), ("--since", "1d", "--until", "2d")]
)
def test_the_command_refuses_the_same(
    server: Server, quiet: Instance, wrong: tuple[str, ...]
) -> None:
    refused = server.cli("insights", "--instance", quiet.id, *wrong)
    assert refused.returncode == 2
    assert "Error" in refused.stderr
