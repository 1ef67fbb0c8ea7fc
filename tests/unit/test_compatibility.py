"""The table of what SDKs can do says what the tests saw."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import compatibility as table
from tests.compatibility import DOCUMENT, WORKS, Call, Compatibility, differences, merged

NODE = Call("Node", "1.2.7", "publish")
OLD = Call("Node", "1.2.7", "a call that no test makes any more")
JAVA = Call("Java", "1.1.1", "publish")


def test_the_document_reads_back_as_it_was_written() -> None:
    results = {NODE: WORKS, OLD: "answers 400", JAVA: WORKS}
    assert table.parse(table.render(results)) == results


def test_the_tracked_document_is_as_it_would_be_written() -> None:
    tracked = DOCUMENT.read_text()
    assert table.render(table.parse(tracked)) == tracked, "run: make docs"


def test_only_a_block_that_passes_is_recorded() -> None:
    compatibility = Compatibility()
    with pytest.raises(ValueError, match="seven"), compatibility(*NODE):
        int("seven")
    assert compatibility.results == {}
    with compatibility(*NODE):
        pass
    assert compatibility.results == {NODE: WORKS}


def test_sdks_that_did_not_run_keep_their_rows() -> None:
    tracked = {OLD: WORKS, JAVA: WORKS}
    assert merged(tracked, {NODE: WORKS}, complete=False) == {NODE: WORKS, **tracked}
    assert merged(tracked, {NODE: WORKS}, complete=True) == {NODE: WORKS, JAVA: WORKS}


def test_each_row_that_differs_is_named() -> None:
    [changed, gone, missing] = differences({JAVA: "fails", OLD: WORKS}, {JAVA: WORKS, NODE: WORKS})
    assert changed == "Java, 1.1.1, publish: the document says 'fails', the tests 'works'"
    assert "no such call any more" in gone
    assert "the document says 'no row'" in missing


BY_FIXTURE = """
def test_peer(compatibility):
    with compatibility("Esperanto", "1.0", "publish"):
        pass
"""
BY_MARK = """
import pytest
from tests.compatibility import Sdk

@Sdk("Esperanto", "1.0").does("publish")
def test_peer():
    pass

@Sdk("Esperanto", "1.0").does("stop")
def test_skipped():
    pytest.skip("no Esperanto here")
"""


@pytest.mark.parametrize("peer", [BY_FIXTURE, BY_MARK])
def test_a_run_that_saw_something_else_fails(tmp_path: Path, peer: str) -> None:
    (tmp_path / "test_peer.py").write_text(peer)
    (tmp_path / "pytest.ini").touch()
    command = [sys.executable, "-m", "pytest", "-p", "tests.compatibility", "--strict-markers"]
    ended = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stdout
    line = "Esperanto, 1.0, publish: the document says 'no row', the tests 'works'"
    assert line in ended.stdout
    assert "Esperanto, 1.0, stop" not in ended.stdout
    assert "run: make docs" in ended.stdout
