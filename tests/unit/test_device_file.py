"""How a file of devices is read: in parts, and on from where an earlier import was."""

import io
from pathlib import Path

from heliograph.model.transfer import Progress
from heliograph.transfer import DeviceFile, RefusedLines


def test_lines_are_numbered_as_an_editor_does_and_empty_ones_left_out() -> None:
    file = DeviceFile(io.BytesIO(b"\none\n\r\n  two \nlast"), None)
    found = [(line.number, line.content) for line in file.next_lines()]
    assert found == [(2, b"one"), (4, b"two"), (5, b"last")]
    assert file.next_lines() == []
    assert file.lines == 5


def test_of_a_line_without_end_no_more_is_kept_than_a_line_may_have() -> None:
    file = DeviceFile(io.BytesIO(b"x" * 5_000_000 + b"\nnext\n"), None)
    too_long, following = [*file.next_lines(), *file.next_lines()]
    assert len(too_long.content) == 1024 * 1024 + 1
    assert (following.number, following.content) == (2, b"next")


def test_what_is_read_at_once_is_bounded_in_lines_and_bytes() -> None:
    many = DeviceFile(io.BytesIO(b"x\n" * 10_000), None)
    assert len(many.next_lines()) < 1000
    large = DeviceFile(io.BytesIO((b"x" * 1_000_000 + b"\n") * 10), None)
    assert len(large.next_lines()) == 2


def read_some(content: bytes) -> Progress:
    """How far an import has come that was cut off after its first lines."""
    file = DeviceFile(io.BytesIO(content), "path")
    file.next_lines()
    return Progress(offset_bytes=file.offset_bytes, digest=file.digest, lines=file.lines)


def test_a_file_is_read_on_from_where_it_was_if_it_is_the_same_up_to_there() -> None:
    content = b"".join(b"line %d\n" % number for number in range(1, 1001))
    progress = read_some(content)
    file = DeviceFile(io.BytesIO(content + b"and more\n"), "path")
    assert file.go_on(progress)
    following = file.next_lines()[0]
    assert following.number == progress.lines + 1
    assert following.content == b"line %d" % following.number


def test_a_file_that_has_changed_is_read_from_its_beginning() -> None:
    content = b"".join(b"line %d\n" % number for number in range(1, 1001))
    progress = read_some(content)
    for changed in (content.replace(b"line 7\n", b"line 8\n"), b"line 1\n"):
        file = DeviceFile(io.BytesIO(changed), "path")
        assert not file.go_on(progress)
        assert file.next_lines()[0].number == 1
        assert file.next_lines() == [] or file.lines < 1000


def test_refused_lines_go_on_behind_what_was_written_for_sure(tmp_path: Path) -> None:
    with (tmp_path / "refused").open("w+b") as file:
        size = RefusedLines(file).write([b"one"])
        RefusedLines(file).write([b"two"])
        again = RefusedLines(file)
        again.cut(size)
        again.write([b"three"])
        file.seek(0)
        assert file.read() == b"one\nthree\n"
        again.cut(10_000)
        assert again.write([]) == len(b"one\nthree\n")
