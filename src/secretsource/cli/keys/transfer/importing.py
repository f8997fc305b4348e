"""``secretsource keys import FILE``: store keys of another system, by their hashes or as they are."""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.exit_codes import PARTLY
from secretsource.cli._terminal.output import say, show_table, write_json
from secretsource.cli._terminal.progress import progress
from secretsource.cli.keys._arguments.opening import open_lasting_keys, operator
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, Store
from secretsource.cli.keys.transfer.checkpoint import Checkpoint
from secretsource.cli.keys.transfer.rejects import Rejects

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from typing import TypeAlias

    from secretsource.issuing import ApiKeys, ImportBatch, ImportOptions, ImportReport, Unreadable

    Row: TypeAlias = "Mapping[str, Any] | Unreadable"

__all__ = ["import_keys"]

STANDARD_INPUT = "-"
_KINDS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}


class Format(StrEnum):
    """The system that wrote the rows."""

    GENERIC = "generic"
    UNKEY = "unkey"
    DRF_API_KEY = "drf-api-key"


class Kind(StrEnum):
    """The form of the file."""

    JSONL = "jsonl"
    CSV = "csv"


def import_keys(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON lines or CSV in UTF-8, or - for standard input.")],
    format: Annotated[Format, typer.Option("--format", help="The system that wrote the rows.")] = Format.GENERIC,
    kind: Annotated[Kind | None, typer.Option("--type", help="The form of the file.  [default: by its name]")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="OURS=THEIRS", help="Their name of a column; repeatable."),
    ] = None,
    default: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="COLUMN=VALUE", help="The value of a column where a row has none; repeatable."),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option("--zone", metavar="ZONE", help="The time zone of instants without one, such as UTC."),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option("--rejects", metavar="PATH", help="The file for rejected rows.  [default: FILE.rejected.jsonl]"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an import of FILE stopped.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would be done.")] = False,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Store keys of another system by their hashes; each is rehashed at its first use.

    A row that is not a key, or that is stored already, is rejected with a reason. It goes as it was into a new file
    that only you may read: correct it there, and import that file. The other rows are stored, and the exit code is then
    4. A service that checks such keys needs imported=True.
    """
    from secretsource.issuing import header_judge, read_rows

    columns, defaults = _pairs("--column", column), _pairs("--set", default)
    judge = header_judge(format.value, columns, defaults)
    options: ImportOptions = {"format": format.value, "columns": columns, "defaults": defaults, "dry_run": dry_run}
    options["zone"] = zone
    path = None if file == STANDARD_INPUT else Path(file)
    written = kind or _kind(path)
    checkpoint = None if path is None or dry_run else Checkpoint(path, store, format.value)
    if resume and checkpoint is None:
        raise typer.BadParameter("--resume needs a FILE, and no --dry-run", ctx=context)
    if checkpoint is not None and resume:
        checkpoint.resume()
    rejected = Rejects(rejects or (None if dry_run else _rejects_of(path)), resume=resume)
    with ExitStack() as stack:
        stream = sys.stdin.buffer if path is None else stack.enter_context(path.open("rb"))
        size = None if path is None else os.fstat(stream.fileno()).st_size
        rows = read_rows(stream, written.value, judge=judge)
        draw = stack.enter_context(progress("importing", size))
        run = _Run(
            checkpoint, stack.enter_context(rejected), lambda batch: draw(_position(stream), f"{batch.last} rows")
        )
        report = run.work(rows, stack.enter_context(open_lasting_keys(context, store, peppered=True)), options)
    _show(report, rejected.path, dry_run=dry_run, as_json=as_json)


class _Run:
    """One import from the command line.

    Args:
        checkpoint: How far an earlier import came; None where no import can go on later.
        rejected: The file of rejected rows.
        show: Shows how far the import has come.
    """

    def __init__(self, checkpoint: Checkpoint | None, rejected: Rejects, show: Callable[[ImportBatch], object]) -> None:
        self._checkpoint = checkpoint
        self._rejected = rejected
        self._show = show

    def work(self, rows: Iterator[Row], keys: ApiKeys, options: ImportOptions) -> ImportReport:
        """Import the rest of the rows; report on all of them, with those of earlier runs."""
        done = Counter[str]() if self._checkpoint is None else self._checkpoint.reasons.copy()
        start, imported = (0, 0) if self._checkpoint is None else (self._checkpoint.rows, self._checkpoint.imported)
        for _ in islice(rows, start):  # an earlier run stored or rejected them
            pass
        options = {**options, "start": start, "on_batch": self._keep}
        with self._on_hold():
            report = keys.import_rows(rows, **operator(), **options)
        done.update(report.reasons)
        return report._replace(
            rows=start + report.rows,
            imported=imported + report.imported,
            rejected=done.total(),
            reasons=dict(done.most_common()),
        )

    def _keep(self, batch: ImportBatch) -> None:
        self._rejected.write(batch.rejected)
        if self._checkpoint is not None:
            self._checkpoint.keep(batch)
        self._show(batch)

    @contextmanager
    def _on_hold(self) -> Generator[None]:
        """Say how to go on when the work is cut short; else remove the checkpoint."""
        try:
            yield
        except BaseException:
            if self._checkpoint is not None and self._checkpoint.rows:
                say("note", f"stopped after row {self._checkpoint.rows}: go on with --resume")
            raise
        if self._checkpoint is not None:
            self._checkpoint.forget()


def _show(report: ImportReport, rejects: Path | None, *, dry_run: bool, as_json: bool) -> None:
    """Show the result for the rows, and end with the exit code for it."""
    from secretsource.issuing.documents import report_document

    place = str(rejects) if report.rejected and rejects is not None else None
    if as_json:
        write_json({**report_document(report), "dry_run": dry_run, "rejects": place})
    else:
        done = "would be imported" if dry_run else "imported"
        counts = [("read", report.rows), (done, report.imported), ("rejected", report.rejected)]
        show_table(("rows", "number"), [(word, str(number)) for word, number in counts])
        for reason, number in report.reasons.items():
            say("rejected", f"{number} {'row' if number == 1 else 'rows'}: {reason}")
        if report.ignored:
            counted = ", ".join(f"{name} ({number})" for name, number in report.ignored.items())
            say("note", f"these columns have no place here and were left out (number of rows): {counted}")
        if place is not None:
            say("note", f"the rejected rows are in {place!r}: correct them there, and import that file")
    if report.rejected:
        raise typer.Exit(PARTLY)


def _position(stream: BinaryIO) -> int:
    return stream.tell() if stream.seekable() else 0


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise typer.BadParameter(f"{option} must be a column, an equals sign and a value, such as  owner=acme")
        pairs[name] = value
    return pairs


def _kind(path: Path | None) -> Kind:
    found = None if path is None else _KINDS.get(path.suffix.lower())
    if found is not None:
        return Kind(found)
    raise typer.BadParameter("the name of the file does not say its form: add  --type jsonl  or  --type csv")


def _rejects_of(path: Path | None) -> Path | None:
    return None if path is None else path.with_name(f"{path.name}.rejected.jsonl")
