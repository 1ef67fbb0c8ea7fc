"""What each Beams SDK can do with a server: docs/compatibility.md, made by the tests themselves.

    def test_publish(compatibility: Compatibility, ...) -> None:
        with compatibility("Node server SDK", "1.2.7", "publishToUsers"):
            ...  # works, if nothing here raises

or, for a test that as a whole proves what an SDK can do:

    WEB_SDK = Sdk("Web SDK", "2.1.0")

    @WEB_SDK.does("`stop()`")
    def test_after_stop_nothing_arrives(...) -> None:

A run fails when what it recorded is not what the document says. `pytest --write-compatibility` runs
the tests that record, and writes it. Rows that were not recorded are left alone, since the SDK's
toolchain may be missing here; but once every test that records has passed, an SDK of which some
rows came has no others.
"""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

DOCUMENT = Path(__file__).parent.parent / "docs" / "compatibility.md"
WORKS = "works"
WORKER_RESULTS, WORKER_DESELECTED = "compatibility", "compatibility_deselected"
HEAD = """\
# Compatibility

What each Beams SDK was seen to do with Heliograph. The SDKs are the published ones, unmodified,
each in its own runtime, unless the heading says how its requests were made instead. How each is
pointed here, and which can't be as it is: [Moving from Pusher Beams](migrate-from-beams.md). There
is no official server SDK for .NET. Made by the tests (`make docs`), which fail when it is no longer
so.
"""
MARK = "sdk_does"
TABLE_HEAD = ("| call | result |", "| --- | --- |")
_HEADING = re.compile(r"^## (?P<sdk>.+), (?P<version>\S+)$")
_ROW = re.compile(r"^\| (?P<call>.+?) \| (?P<result>.+) \|$")


class Call(NamedTuple):
    """A call of an SDK. version: without spaces."""

    sdk: str
    version: str
    call: str


Results = Mapping[Call, str]


class Sdk(NamedTuple):
    """What a reader knows an SDK by. version: without spaces."""

    title: str
    version: str

    def does(self, *calls: str, result: str = WORKS) -> pytest.MarkDecorator:
        """Mark a test: the calls are recorded, if it passes. result: see `Compatibility`."""
        mark: pytest.MarkDecorator = getattr(pytest.mark, MARK)
        return mark(*[Call(self.title, self.version, call) for call in calls], result=result)


class Compatibility:
    """Records calls and their results."""

    def __init__(self) -> None:
        self.results: dict[Call, str] = {}

    @contextmanager
    def __call__(self, sdk: str, version: str, call: str, *, result: str = WORKS) -> Iterator[None]:
        """Record the call, if the block passes.

        result: what a user should know of a call that behaves otherwise than with Pusher's service.
        """
        yield
        self.results[Call(sdk, version, call)] = result


def render(results: Results) -> str:
    """Return the document: a section an SDK, a row a call, both in alphabetical order."""
    lines = [HEAD.rstrip()]
    section = None
    for (sdk, version, call), result in sorted(results.items()):
        if (sdk, version) != section:
            section = sdk, version
            lines += ["", f"## {sdk}, {version}", "", *TABLE_HEAD]
        lines.append(f"| {call} | {result} |")
    return "\n".join(lines) + "\n"


def parse(document: str) -> dict[Call, str]:
    """Return what `render` was given."""
    results: dict[Call, str] = {}
    sdk = version = ""
    for line in document.splitlines():
        if heading := _HEADING.match(line):
            sdk, version = heading["sdk"], heading["version"]
        elif (row := _ROW.match(line)) and line not in TABLE_HEAD:
            results[Call(sdk, version, row["call"])] = row["result"]
    return results


def merged(tracked: Results, recorded: Results, *, complete: bool) -> dict[Call, str]:
    """Return what the document should say.

    complete: whether all tests that record ran, so that other rows of their SDKs are outdated.
    """
    seen = {call.sdk for call in recorded} if complete else set()
    kept = {call: result for call, result in tracked.items() if call.sdk not in seen}
    return kept | dict(recorded)


def differences(tracked: Results, expected: Results) -> list[str]:
    """Say in a line each how the document differs from what it should say."""
    lines = []
    for call in sorted({*tracked, *expected}):
        said, seen = tracked.get(call, "no row"), expected.get(call, "no such call any more")
        if said != seen:
            lines.append(f"{', '.join(call)}: the document says {said!r}, the tests {seen!r}")
    return lines


class Plugin:
    """Collects the results of a session and holds the document to them."""

    def __init__(self, config: pytest.Config) -> None:
        self.compatibility = Compatibility()
        self._writes = bool(config.getoption("--write-compatibility"))
        self._complete = config.args_source is pytest.Config.ArgsSource.TESTPATHS
        self._deselected = False
        self._differences: list[str] = []

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        if self._writes:
            others = [item for item in items if not _records(item)]
            items[:] = [item for item in items if _records(item)]
            config.hook.pytest_deselected(items=others)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        outcome = yield
        for mark in item.iter_markers(MARK):
            self.compatibility.results |= dict.fromkeys(mark.args, mark.kwargs["result"])
        return outcome

    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        self._deselected = self._deselected or any(map(_records, items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what one of several worker processes recorded (pytest-xdist)."""
        for *call, result in node.workeroutput.get(WORKER_RESULTS, []):
            self.compatibility.results[Call(*call)] = result
        self._deselected = self._deselected or node.workeroutput.get(WORKER_DESELECTED, False)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if output is not None:
            rows = [[*call, result] for call, result in self.compatibility.results.items()]
            output |= {WORKER_RESULTS: rows, WORKER_DESELECTED: self._deselected}
            return
        if not self.compatibility.results or session.testsfailed:
            return
        tracked = parse(DOCUMENT.read_text()) if DOCUMENT.exists() else {}
        complete = self._complete and not self._deselected
        expected = merged(tracked, self.compatibility.results, complete=complete)
        if self._writes:
            DOCUMENT.write_text(render(expected))
        elif tracked != expected:
            self._differences = differences(tracked, expected)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._differences:
            terminalreporter.section("docs/compatibility.md is outdated", red=True)
            for difference in self._differences:
                terminalreporter.line(difference)
            terminalreporter.line("run: make docs, or pytest --write-compatibility")


def _records(item: pytest.Item) -> bool:
    if item.get_closest_marker(MARK) is not None:
        return True
    return isinstance(item, pytest.Function) and "compatibility" in item.fixturenames


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-compatibility",
        action="store_true",
        help="run the tests that record what SDKs can do, and write docs/compatibility.md",
    )


PLUGIN = pytest.StashKey[Plugin]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARK}: what an SDK can do, if the test passes")
    config.stash[PLUGIN] = Plugin(config)
    config.pluginmanager.register(config.stash[PLUGIN])


@pytest.fixture(scope="session")
def compatibility(pytestconfig: pytest.Config) -> Compatibility:
    """Where a test notes what an SDK can do."""
    return pytestconfig.stash[PLUGIN].compatibility
