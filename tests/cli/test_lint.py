"""heliograph lint finds in a body what the server would refuse, and what somebody passes over."""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from heliograph.delivery.lint import lint as heliograph_lint
from tests.client import HELLO, Instance
from tests.server import HELIOGRAPH, Server

ALERT = {"aps": {"alert": "Hello"}}
SHOWN = {"title": "Hello", "body": "Hello, world!"}


def lint(
    body: object, directory: Path, *options: str, raw: bytes | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it where there is neither a server nor data."""
    file = directory / "message.json"
    file.write_bytes(json.dumps(body).encode() if raw is None else raw)
    return subprocess.run(
        [str(HELIOGRAPH), "lint", str(file), *options],
        cwd=directory,
        env={"PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def findings(body: object) -> list[tuple[str, str, str]]:
    found = heliograph_lint(json.dumps(body).encode(), now=datetime.now(UTC))
    return [(one.severity, one.path, one.problem) for one in found]


@pytest.mark.parametrize(
    "body",
    [
        {"users": ["alice"], "apns": ALERT, "fcm": {"notification": SHOWN}, **HELLO},
        {"interests": ["news"], "fcm": {"data": {"a": 1}, "priority": "high"}},
        {"apns": {"aps": {"content-available": 1}, "priority": 5}},
        {"fcm": {"message": {"notification": SHOWN, "android": {"ttl": "60s"}}}},
        {"web": {"notification": SHOWN, "data": {"a": 1}, "time_to_live": 60, "urgency": "high"}},
    ],
)
def test_a_good_body_is_without_findings(body: object) -> None:
    assert findings(body) == []


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"users": ["alice"]}, "(root)", "at least one of"),
    ({"users": ["a", ""], **HELLO}, "users.1", "greater than or equal to 1"),
    ({"interests": ["a:b"], **HELLO}, "interests.0", "Does not match pattern"),
    ({"users": ["a"] * 2, **HELLO}, "users", "unique"),
    ({"interests": ["a"], "mine": "x" * 10_240, **HELLO}, "(root)", "too large"),
    ({"apns": {"aps": {"alert": "x" * 4096}}}, "apns", "4096, metadata included"),
    ({"apns": {"aps": {"content-available": 0}}}, "apns.aps.content-available", "following: 1"),
    ({"apns": {**ALERT, "priority": 7}}, "apns.priority", "following: 1, 5, 10"),
    ({"apns": {"pusher": {"push_type": "silent"}}}, "apns.pusher.push_type", "alert, background"),
    ({"apns": {**ALERT, "collapse_id": "x" * 65}}, "apns.collapse_id", "equal to 64"),
    ({"fcm": {"data": {"from": "me"}}}, "fcm.data.from", "reserved by FCM"),
    ({"fcm": {"data": {"a": "x" * 4096}}}, "fcm", "metadata included"),
    ({"fcm": {"android": {"tll": "60s"}}}, "fcm.android", "tll"),
    ({"fcm": {"priority": "urgent"}}, "fcm.priority", "normal, high"),
    ({"web": {"notification": {"title": "x" * 3993}}}, "web", "3993, metadata included"),
    ({"web": {"notification": {"title": 5}}}, "web.notification.title", "Expected: string"),
    ({"web": {"data": {"pusher": {}}}}, "web.data.pusher", "reserved"),
    ({"web": {"time_to_live": 2_419_201}}, "web.time_to_live", "equal to 2419200"),
]


@pytest.mark.parametrize(("body", "path", "words"), REFUSED)
def test_what_the_server_refuses_is_an_error_with_its_path(
    body: dict[str, Any], path: str, words: str
) -> None:
    errors = [found for found in findings(body) if found[0] == "error"]
    assert [found[1] for found in errors] == [path]
    assert words in errors[0][2]


@pytest.mark.parametrize(("body", "path", "words"), REFUSED)
def test_the_server_refuses_it_in_the_same_words(
    server: Server, body: dict[str, Any], path: str, words: str
) -> None:
    """One rule, in one place."""
    instance: Instance = server.instance
    audience = "interests" if "interests" in body else "users"
    reply = instance.publish.send(f"publishes/{audience}", {audience: ["nobody"], **body})
    if path == "(root)" and "too large" in words:
        assert reply.status == 400
    else:
        problem = next(found[2] for found in findings(body) if found[0] == "error")
        assert reply.status == 422
        assert reply.json()["description"] == f"`{path}`: {problem}"


WARNED: list[tuple[dict[str, Any], str, str]] = [
    ({"apns": {"alert": "Hello", **ALERT}}, "apns.alert", "apns.aps.alert"),
    ({"apns": {"data": {"a": 1}}}, "apns.aps", "shows nothing"),
    ({"apns": {**ALERT, "apns-priority": 5}}, "apns.apns-priority", "write apns.priority"),
    ({"apns": {**ALERT, "expiration": 1}}, "apns.expiration", "past"),
    (
        {"apns": {"aps": {"content-available": 1}, "priority": 10}},
        "apns.priority",
        "goes out with 5",
    ),
    (
        {
            "apns": {
                "aps": {"alert": "Hello", "content-available": 1},
                "pusher": {"push_type": "background"},
            }
        },
        "apns.pusher.push_type",
        "dropped",
    ),
    ({"fcm": {"data": {"a": "b"}, "to": "a token"}}, "fcm.to", "audience"),
    ({"fcm": {"notification": SHOWN, "mutable_content": True}}, "fcm.mutable_content", "left out"),
    ({"fcm": {"notification": {**SHOWN, "badge": "1"}}}, "fcm.notification.badge", "left out"),
    ({"fcm": {"data": {"a": None, "b": 1}}}, "fcm.data.a", "left out"),
    ({"fcm": {"data": {"a": "b"}, "dry_run": True}}, "fcm", "reaches nobody"),
    ({"fcm": {"android": {"data": {"a": "b"}}, "data": {"c": "d"}}}, "fcm.android.data", "place"),
    ({"fcm": {"collapse_key": "a"}}, "fcm", "shows nothing"),
    ({"web": {"data": {"a": "b"}}}, "web.notification", "Safari"),
    ({"web": {"notification": {"icon": "/a.png"}}}, "web.notification", "neither title nor body"),
    ({"web": {"notification": {**SHOWN, "image": "a"}}}, "web.notification.image", "passes over"),
    ({"web": {"notification": SHOWN, "ttl": 60}}, "web.ttl", "passes over"),
    (
        {"web": {"notification": {**SHOWN, "hide_notification_if_site_has_focus": True}}},
        "web.notification.hide_notification_if_site_has_focus",
        "Safari",
    ),
    ({"ios": {}, **HELLO}, "ios", "not looked at"),
    ({"users": ["a"], "interests": ["a"], **HELLO}, "(root)", "users and interests"),
]


@pytest.mark.parametrize(("body", "path", "words"), WARNED)
def test_what_somebody_passes_over_is_a_warning(
    body: dict[str, Any], path: str, words: str
) -> None:
    [(severity, found_path, problem)] = findings(body)
    assert (severity, found_path) == ("warning", path)
    assert words in problem


def test_findings_are_json_for_programs(tmp_path: Path) -> None:
    body = {"web": {"notification": SHOWN, "ttl": 60}}
    ran = lint(body, tmp_path, "--json")
    [(severity, path, problem)] = findings(body)
    assert json.loads(ran.stdout) == [{"severity": severity, "path": path, "problem": problem}]
    assert ran.returncode == 0


def test_findings_are_lines_for_people_and_all_are_told(tmp_path: Path) -> None:
    body = {"users": [5], "apns": {"alert": "Hello", **ALERT}, "web": {"topic": 5, "urgency": "x"}}
    ran = lint(body, tmp_path)
    assert ran.returncode == 1
    assert ran.stdout.splitlines() == [
        "error  users.0: Invalid type. Expected: string",
        "error  web.urgency: web.urgency must be one of the following: very-low, low, normal, high",
        "error  web.topic: Invalid type. Expected: string",
        "warning  apns.alert: iOS looks for it in aps: write apns.aps.alert",
    ]
    assert lint(dict(HELLO), tmp_path).stdout == "Nothing is wrong with it.\n"


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 20_000])
def test_what_is_no_json_is_an_error(raw: bytes, tmp_path: Path) -> None:
    ran = lint(None, tmp_path, raw=raw)
    assert ran.returncode == 1
    assert ran.stdout.startswith("error  (root): Invalid JSON payload")


def test_stdin_is_read_too(server: Server) -> None:
    assert server.cli("lint", "-", stdin=json.dumps(dict(HELLO))).returncode == 0
    assert server.cli("lint", "-", stdin="[]").returncode == 1
    assert server.cli("lint", "nowhere.json").returncode == 2
