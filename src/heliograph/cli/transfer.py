"""heliograph import, heliograph export"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from heliograph import data as data_directory
from heliograph import transfer
from heliograph.cli.options import (
    chosen_instance,
    data_option,
    instance_option,
    json_output,
    with_store,
)
from heliograph.cli.output import print_json
from heliograph.model.transfer import Progress
from heliograph.store import devices
from heliograph.store.engine import Store
from heliograph.transfer import Advanced, DeviceFile, RefusedLines


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--refused",
    "refused_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where refused lines go, each with its reason, to be mended and imported.",
)
@instance_option
@data_option
@json_output
def import_(
    file: str, refused_file: Path | None, instance_id: str | None, data: str | None, as_json: bool
) -> None:
    """Bring devices along from a FILE: one a line, as `heliograph export` writes them.

    \b
    A line:
      {"platform": "fcm", "token": "dQw4w9…", "userId": "alice", "interests": ["news"]}

    A line that breaks a rule is refused, and the others go on; then the exit code is 1. An import
    that was cut off, even by a crash, goes on where it was when it is run again with the same FILE.
    A server may run meanwhile. FILE may be - for standard input, which is always read from its
    beginning. docs/import.md describes the lines.

    \b
    Examples:
      heliograph import devices.jsonl --refused refused.jsonl
      zcat devices.jsonl.gz | heliograph import - --json
    """
    with _opened(file) as source, _refused(refused_file, file) as refused:

        async def work(store: Store) -> Progress:
            instance = await chosen_instance(store, instance_id)
            with _progress_bar("Importing", source.size_bytes) as advanced:
                return await transfer.bring_in(
                    store, instance, source, refused, now=data_directory.now, advanced=advanced
                )

        try:
            progress = with_store(data, work)
        except KeyboardInterrupt:
            if source.path is not None:
                click.echo("\nRun the same command again, and it goes on from here.", err=True)
            raise
    _report(progress, as_json=as_json)
    if progress.refused:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@instance_option
@data_option
def export(file: str, instance_id: str | None, data: str | None) -> None:
    """Write all devices to a FILE: one a line, with user, interests and metadata.

    The file has push tokens: only its owner may read it. FILE may be - for standard output. A
    server may run meanwhile.

    \b
    Examples:
      heliograph export devices.jsonl
      heliograph export - | gzip > devices.jsonl.gz
    """

    async def work(store: Store) -> int:
        instance = await chosen_instance(store, instance_id)
        async with store.reading() as connection:
            number = await devices.count(connection, instance)
        with _written(file) as target, _progress_bar("Exporting", number) as advanced:
            return await transfer.write_out(store, instance, target, advanced=advanced)

    written = with_store(data, work)
    click.echo(f"Exported {written} devices.", err=True)


@contextmanager
def _opened(file: str) -> Iterator[DeviceFile]:
    if file == "-":
        yield DeviceFile(sys.stdin.buffer, None)
        return
    path = Path(file).resolve()
    with path.open("rb") as source:
        yield DeviceFile(source, str(path) if path.is_file() else None)


@contextmanager
def _refused(path: Path | None, source: str) -> Iterator[RefusedLines | None]:
    if path is None:
        yield None
        return
    if path.exists() and source != "-" and path.samefile(source):
        raise click.UsageError("--refused must be another file than the one that is imported.")
    with _private(path, os.O_RDWR | os.O_CREAT, "r+b") as file:
        yield RefusedLines(file)


@contextmanager
def _written(file: str) -> Iterator[BinaryIO]:
    """The file, which is there only once it is complete."""
    if file == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(file)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with _private(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, "wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _private(path: Path, flags: int, mode: str) -> BinaryIO:
    """Open a file for push tokens: only its owner may read it."""
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from error
    return os.fdopen(descriptor, mode)  # type: ignore[return-value]  # the modes are binary


@contextmanager
def _progress_bar(label: str, length: int | None) -> Iterator[Advanced]:
    """On a terminal, if it is known how much there is to do."""
    hidden = length is None or not sys.stderr.isatty()
    with click.progressbar(
        length=length or 0, label=label, file=sys.stderr, hidden=hidden
    ) as progress_bar:
        yield progress_bar.update


def _report(progress: Progress, *, as_json: bool) -> None:
    refused = sum(refusals.number for refusals in progress.refused.values())
    if as_json:
        print_json(
            {
                "lines": progress.lines,
                "imported": progress.imported,
                "refused": refused,
                "reasons": {
                    reason: {"lines": refusals.number, "firstLine": refusals.first_line}
                    for reason, refusals in progress.refused.items()
                },
            }
        )
        return
    click.echo(f"Imported {progress.imported} devices; {refused} lines were refused.")
    for reason, refusals in progress.refused.items():
        click.echo(f"{refusals.number} x {reason} (first: line {refusals.first_line})", err=True)
