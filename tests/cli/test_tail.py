"""heliograph tail: what people and scripts read of live events, and while the server is away."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from tests.client import Instance
from tests.server import NO_ENVIRONMENT, Server

ESCAPE = "\x1b"


@pytest.fixture
def instance(server: Server) -> Instance:
    return server.create_instance("tail")


class Tail:
    """A running one. Its stdout is read with `line`, its stderr with `remark`."""

    def __init__(self, process: "subprocess.Popen[bytes]", stdout: int) -> None:
        self._process = process
        self._stdout = os.fdopen(stdout, "rb")

    def line(self) -> str:
        return self._stdout.readline().decode()

    def remark(self) -> str:
        assert self._process.stderr is not None
        return self._process.stderr.readline().decode()

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(30)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._stdout.close()


@contextmanager
def tail(
    server: Server,
    *arguments: str,
    on_terminal: bool = False,
    environment: Mapping[str, str] = NO_ENVIRONMENT,
) -> Iterator[Tail]:
    """Run it while the block lasts, once it watches."""
    ours, its = os.openpty() if on_terminal else os.pipe()
    process = server.begin("tail", *arguments, stdout=its, environment=environment)
    os.close(its)
    running = Tail(process, ours)
    try:
        assert running.remark() == "(watching, until Ctrl-C)\n"
        yield running
    finally:
        running.end()


def test_on_a_terminal_it_is_coloured(server: Server, instance: Instance) -> None:
    with tail(server, "--instance", instance.id, on_terminal=True) as running:
        device_id = instance.devices.new("fcm")
        line = running.line()
        assert f"{ESCAPE}[36mdevice-registered" in line
        assert device_id in line
        assert running.interrupt() == 0


@pytest.mark.parametrize("text", ["1", "yes", "never mind"])
def test_with_no_color_it_is_plain_on_a_terminal(
    server: Server, instance: Instance, text: str
) -> None:
    options = ("--instance", instance.id)
    with tail(server, *options, on_terminal=True, environment={"NO_COLOR": text}) as running:
        instance.devices.new("fcm")
        assert ESCAPE not in running.line()


def test_in_a_pipe_it_is_plain_and_what_is_said_stands_in_columns(
    server: Server, instance: Instance
) -> None:
    with tail(server, "--instance", instance.id) as running:
        device_id = instance.device_of("alice", "fcm")
        lines = [running.line(), running.line()]
        assert running.interrupt() == 0
    assert ESCAPE not in "".join(lines)
    assert [line[len("12:00:00.000") :] for line in lines] == [
        f"  device-registered   new, on fcm  {device_id}\n",
        f"  user-set            the device is this user's  alice {device_id}\n",
    ]


def test_nothing_that_a_terminal_would_obey_is_printed(server: Server, instance: Instance) -> None:
    with tail(server, "--instance", instance.id, on_terminal=True) as running:
        instance.device_of(f"a{ESCAPE}]0;b\u202e\x07", "fcm")
        running.line()
        assert "a\N{REPLACEMENT CHARACTER}]0;b\N{REPLACEMENT CHARACTER}" in running.line()


def test_in_json_each_line_is_an_event_and_filters_are_kept(
    server: Server, instance: Instance
) -> None:
    options = ("--instance", instance.id, "--user", "alice & bob", "--kinds", "user-set")
    with tail(server, *options, "--json") as running:
        instance.device_of("carol", "fcm")
        device_id = instance.device_of("alice & bob", "fcm")
        event: dict[str, Any] = json.loads(running.line())
    del event["at"]
    assert event == {
        "kind": "user-set",
        "deviceId": device_id,
        "userId": "alice & bob",
        "words": "the device is this user's",
    }


def test_it_goes_on_when_the_server_comes_back_and_says_so(own_server: Server) -> None:
    with tail(own_server, "--json") as running:
        own_server.restart()
        assert "the server is away" in running.remark()
        assert running.remark() == "(it is there again)\n"
        device_id = own_server.instance.devices.new("fcm")
        assert json.loads(running.line())["deviceId"] == device_id


def test_it_says_what_is_wrong_at_once(server: Server, instance: Instance) -> None:
    refused = server.cli("tail", "--instance", instance.id, "--kinds", "nonsense")
    assert refused.returncode == 1
    assert "`kinds`: must be some of these" in refused.stderr
    nowhere = server.cli("tail", "--data", "nowhere")
    assert nowhere.returncode == 2
    assert "no server runs" in nowhere.stderr
