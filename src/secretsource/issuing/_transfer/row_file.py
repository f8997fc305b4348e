"""The rows of a file, one after the other: JSON lines or CSV, in UTF-8, of any length.

A line without a valid row becomes an `Unreadable` and the next line follows; a fault of the whole file is one error,
before the first row.
"""

from __future__ import annotations

import csv
import json
from typing import Any

from secretsource._traceless import traceless
from secretsource.exceptions import InvalidRequest
from secretsource.issuing._key.text import stripped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import BinaryIO, Literal, NoReturn, Self

LONGEST_LINE = 65536
"""Greatest length of a line in bytes; a longer line is skipped unread."""

_TOO_LONG = f"the line is longer than {LONGEST_LINE} bytes"
_NOT_UTF8 = "the line is not in UTF-8"


class Unreadable:
    """A line without a valid row.

    Attributes:
        reason: The reason, in words that quote nothing of the line.
        line: The line, as far as it was kept; it may hold a key, and is not in a repr.
    """

    __slots__ = ("line", "reason")

    def __init__(self, reason: str, line: str) -> None:
        self.reason = reason
        self.line = line

    def __repr__(self) -> str:
        return f"Unreadable({self.reason!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Unreadable may hold a key and is not pickled")


@traceless
def read_rows(
    stream: BinaryIO,
    kind: Literal["jsonl", "csv"],
    *,
    judge: Callable[[list[str]], str | None] | None = None,
) -> Iterator[Mapping[str, Any] | Unreadable]:
    """Read rows, one at a time; empty lines are skipped, and so are rows of empty cells.

    Args:
        stream: The file, opened for bytes.
        kind: ``jsonl``, one JSON object on each line, or ``csv``, with a header and commas.
        judge: Returns the fault in the header of a CSV file, or None.

    Raises:
        InvalidRequest: The file is in another encoding, or its header is not valid.
    """
    lines = _lines(stream)
    yield from _json_rows(lines) if kind == "jsonl" else _csv_rows(lines, judge)


def _lines(stream: BinaryIO) -> Iterator[str | Unreadable]:
    """Yield the lines of a file, with their ends."""
    first = True
    while raw := stream.readline(LONGEST_LINE + 1):
        if first:
            first = False
            if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in raw[:4]:
                raise InvalidRequest("the file is in UTF-16 or is not text: save it in UTF-8")
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if len(raw) > LONGEST_LINE:
            while raw and not raw.endswith(b"\n"):
                raw = stream.readline(LONGEST_LINE + 1)
            yield Unreadable(_TOO_LONG, "")
            continue
        try:
            line: str | Unreadable = raw.decode()
        except UnicodeDecodeError:
            line = Unreadable(_NOT_UTF8, raw.decode("utf-8", "backslashreplace").rstrip("\r\n"))
        yield line


def _json_rows(lines: Iterator[str | Unreadable]) -> Iterator[Mapping[str, Any] | Unreadable]:
    first = True
    for line in lines:
        if isinstance(line, Unreadable):
            yield line
        elif text := line.strip():
            if (first and text[0] == "[") or text == "{":
                raise InvalidRequest("the file is one JSON document: write one object on each line, as jq -c does")
            first = False
            yield _json_row(line)


def _json_row(line: str) -> Mapping[str, Any] | Unreadable:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if isinstance(row, dict):
        return row
    return Unreadable("the line is not a JSON object", line.rstrip("\r\n"))


class _CsvLines:
    """The lines of a file for a CSV reader; unreadable lines are put aside."""

    def __init__(self, lines: Iterator[str | Unreadable]) -> None:
        self._lines = lines
        self._taken: list[str] = []
        self._aside: list[Unreadable] = []

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if isinstance(line, Unreadable):
            self._aside.append(line)
            return "\n"
        self._taken.append(line)
        return line

    def taken(self) -> str:
        """Return the lines taken since the last call."""
        taken, self._taken = "".join(self._taken), []
        return taken.rstrip("\r\n")

    def aside(self) -> list[Unreadable]:
        """Return the lines put aside since the last call."""
        aside, self._aside = self._aside, []
        return aside


def _csv_rows(
    lines: Iterator[str | Unreadable], judge: Callable[[list[str]], str | None] | None
) -> Iterator[Mapping[str, Any] | Unreadable]:
    source = _CsvLines(lines)
    records = _records(source)
    header = _header(next(records, None), judge)
    source.taken()
    for cells in records:
        yield from source.aside()
        taken = source.taken()
        if cells is None:
            yield Unreadable("the line is not CSV: check its quotes", taken)
        elif not any(map(stripped, cells)):
            continue
        elif len(cells) == len(header):
            yield {name: cell for name, cell in zip(header, cells, strict=True) if name or stripped(cell)}
        else:
            yield Unreadable(f"the line has {len(cells)} cells, and the header has {len(header)} names", taken)
    yield from source.aside()


def _records(source: _CsvLines) -> Iterator[list[str] | None]:
    """Yield the cells of each line; an empty list for an empty line, and None for a line that is not CSV."""
    reader = csv.reader(source, strict=True, skipinitialspace=True)
    while True:
        cells: list[str] | None = None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            pass
        yield cells


def _header(cells: list[str] | None, judge: Callable[[list[str]], str | None] | None) -> list[str]:
    cells = [*map(stripped, cells or ())]
    if any(cells):
        complaint = None if judge is None else judge(cells)
        if complaint is None:
            return cells
    else:
        complaint = "it is empty"
    raise InvalidRequest(f"the first line of a CSV file is its header, with the names of the columns: {complaint}")
