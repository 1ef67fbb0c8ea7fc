"""Runs Heliograph and its demo app on this machine, until Ctrl-C."""

import argparse
import asyncio
import json
import os
import shlex
import signal
import socket
import sys
import urllib.error
import urllib.request
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from pathlib import Path

HERE = Path(__file__).parent
HELIOGRAPH = Path(sys.executable).with_name("heliograph")
SETTINGS_FILE = Path("heliograph.toml")
DEFAULT_DATA = Path("data")
DEMO_CONTACT = "mailto:demo@example.com"
READY_TIMEOUT_S = 60
PROBE_TIMEOUT_S = 2
PROBE_EVERY_S = 0.1
# Longer than Heliograph's own wait for work in hand.
STOP_TIMEOUT_S = 35

WELCOME = """
Heliograph is running, and so is its demo: http://localhost:{demo_port}

  1. Open it, log in as Alice and enable notifications.
  2. Open it in another browser (a private window may have no push) and be Bob.
  3. Send Bob a notification from Alice's page: it reaches Bob's browser alone.

From the command line:

  {publish}

Data: {data}    Heliograph: http://127.0.0.1:{port}    Ctrl-C stops everything.
"""

CONTACT_NOTE = """\
Push services are told that {contact} is behind this server, since HELIOGRAPH_CONTACT is not set.
Set it to an address of yours (mailto: or https:) before you use Heliograph for real.
"""


class Failure(Exception):
    """The demo can't go on. status: what to exit with."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


def main() -> None:
    parser = argparse.ArgumentParser(description="Run Heliograph and its demo app.")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, metavar="DIR")
    parser.add_argument("--port", type=int, default=8400, help="of Heliograph; default: 8400")
    parser.add_argument("--demo-port", type=int, default=8401, help="of the demo; default: 8401")
    try:
        asyncio.run(run(parser.parse_args()))
    except Failure as failure:
        print(f"demo: {failure}", file=sys.stderr)
        sys.exit(failure.status)


async def run(options: argparse.Namespace) -> None:
    """Run both until a signal, or until one of them ends, which is a Failure."""
    must_be_free(options.port, "--port")
    must_be_free(options.demo_port, "--demo-port")
    stopping = asyncio.create_task(told_to_stop().wait())
    async with AsyncExitStack() as children:
        heliograph = await children.enter_async_context(running(heliograph_command(options)))
        if not await becomes_ready("Heliograph", options.port, "/ready", heliograph, stopping):
            return
        demo = await children.enter_async_context(running(demo_command(options)))
        if not await becomes_ready("The demo app", options.demo_port, "/session", demo, stopping):
            return
        print(welcome(options), flush=True)
        await until_one_ends({"Heliograph": heliograph, "The demo app": demo}, stopping)


def heliograph_command(options: argparse.Namespace) -> list[str]:
    if not HELIOGRAPH.exists():
        raise Failure(f"{HELIOGRAPH} is missing: install Heliograph into this environment first")
    where = ["--data", str(options.data), "--host", "127.0.0.1", "--port", str(options.port)]
    return [str(HELIOGRAPH), "serve", *where]


def demo_command(options: argparse.Namespace) -> list[str]:
    where = ["--heliograph-url", f"http://127.0.0.1:{options.port}"]
    where += ["--credentials", str(credentials_file(options)), "--port", str(options.demo_port)]
    return [sys.executable, str(HERE / "app.py"), *where]


def welcome(options: argparse.Namespace) -> str:
    instance_id = json.loads(credentials_file(options).read_text(encoding="utf-8"))["instanceId"]
    command = [os.path.relpath(HELIOGRAPH), "publish", "users", "alice", "--instance", instance_id]
    command += ["--title", "Hello", "--body", "From the command line"]
    if options.data != DEFAULT_DATA:
        command += ["--data", str(options.data)]
    text = WELCOME.format(
        demo_port=options.demo_port,
        port=options.port,
        data=options.data,
        publish=shlex.join(command),
    )
    return text + ("\n" + CONTACT_NOTE.format(contact=DEMO_CONTACT) if lacks_contact() else "")


def credentials_file(options: argparse.Namespace) -> Path:
    file = Path(options.data) / "credentials.json"
    if not file.exists():
        raise Failure(f"{file} is missing: the demo needs the instance id and secret key in it")
    return file


def lacks_contact() -> bool:
    # The file of settings may well name one, and the environment would win over it.
    return "HELIOGRAPH_CONTACT" not in os.environ and not SETTINGS_FILE.exists()


def must_be_free(port: int, option: str) -> None:
    with socket.socket() as probe:
        # As servers do: connections that still linger from a run before don't take the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            reason = f"port {port} can't be had ({error}); stop what uses it or choose another"
            raise Failure(f"{reason} with {option}") from error


def told_to_stop() -> asyncio.Event:
    """Return an event that is set by Ctrl-C, SIGTERM, or the end of the terminal."""
    told = asyncio.Event()
    for wanted in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(wanted, told.set)
    return told


@asynccontextmanager
async def running(command: list[str]) -> AsyncIterator[Process]:
    """Run a command that is stopped at the end of the context, or when this process dies."""
    contact = {"HELIOGRAPH_CONTACT": DEMO_CONTACT} if lacks_contact() else {}
    # A session of its own: Ctrl-C comes to this process alone, which stops the others in order.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "heliograph.broker.child", str(os.getpid()), *command),
        stdin=asyncio.subprocess.DEVNULL,
        env={**os.environ, **contact},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        await stop(process)


async def stop(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()


async def becomes_ready(
    name: str, port: int, path: str, process: Process, stopping: asyncio.Task[bool]
) -> bool:
    """Wait until it answers with 200. False: told to stop before. Raises: Failure."""
    url = f"http://127.0.0.1:{port}{path}"
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            while not stopping.done():
                if await asyncio.to_thread(answers_ok, url):
                    return True
                if process.returncode is not None:
                    raise ended(name, process.returncode)
                await asyncio.sleep(PROBE_EVERY_S)
    except TimeoutError as error:
        raise Failure(f"{name} is not ready after {READY_TIMEOUT_S} s: {url}") from error
    return False


def answers_ok(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=PROBE_TIMEOUT_S) as response:
            return bool(response.status == HTTPStatus.OK)
    except OSError:
        return False


async def until_one_ends(children: dict[str, Process], stopping: asyncio.Task[bool]) -> None:
    """Wait for the order to stop. Raises: Failure, if one of the children ends by itself."""
    ends = {asyncio.create_task(child.wait()): name for name, child in children.items()}
    await asyncio.wait([stopping, *ends], return_when=asyncio.FIRST_COMPLETED)
    if stopping.done():
        return
    for end, name in ends.items():
        if end.done():
            raise ended(name, end.result())


def ended(name: str, status: int) -> Failure:
    if status < 0:
        return Failure(f"{name} was ended by {signal.Signals(-status).name}", 128 - status)
    message = f"{name} has ended with exit status {status}; what it said is above"
    return Failure(message, status or 1)


if __name__ == "__main__":
    main()
