"""Rows as comma-separated values, in which no text is a formula. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import csv
import io
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["csv_text"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The characters that begin a formula in a spreadsheet; the last four are wide ones, which some languages type."""

_WITHIN = re.compile(r"(?<=[;\t\r\n])(?=\"?[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""A place within a text where a cell begins for a spreadsheet that separates by semicolons, as the German one does.

Such a reader takes no notice of our quotes, because they stand behind no separator of its own.
"""


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table as comma-separated values; a text that a spreadsheet would compute gets an apostrophe before it.

    Args:
        columns: The names of the columns.
        rows: The rows, each with a value for each column.
    """
    text = io.StringIO()
    # A line end that holds both characters has csv put quotes around each of them within a cell.
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(columns)
    table.writerows([_plain(value) for value in row] for row in rows)
    return text.getvalue().replace("\r\n", "\n")


def _plain(value: object) -> object:
    if not isinstance(value, str):
        return value
    return _WITHIN.sub("'", f"'{value}" if value.startswith(_FORMULA) else value)
