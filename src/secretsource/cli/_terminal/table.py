"""Draw rows on a terminal: as a table where the words fit, else as a block of lines for each row."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from secretsource.cli._terminal.urgent import Urgent

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

__all__ = ["drawn"]

_STYLES = {
    "found": "green",
    "create": "green",
    "created": "green",
    "overwrite": "yellow",
    "overwritten": "yellow",
    "same": "dim",
    "different": "red",
    "not found": "yellow",
    "skipped": "dim",
    "not asked": "dim",
    "denied": "red",
    "unauthenticated": "red",
    "unavailable": "red",
    "timeout": "red",
    "throttled": "red",
    "malformed": "red",
    "misconfigured": "red",
    "disabled": "red",
    "deleted": "red",
    "active": "green",
    "rotating": "yellow",
    "revoked": "red",
    "expired": "red",
}
"""The colour of a cell with one of these words; rich omits colours when ``NO_COLOR`` is set."""

_GAP = 3
"""Cells between two columns of a table; one less stands beside the outer ones."""


def drawn(columns: Sequence[str], rows: Sequence[Sequence[str]], unbroken: Container[str] = ()) -> str:
    """Draw rows without their empty columns, because a terminal is narrow.

    Args:
        columns: The heading of each column.
        rows: The cells of each row, one for each column.
        unbroken: Columns whose cells stay on one line.
    """
    console = Console(file=sys.stdout)
    filled = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    shown = [_Column(columns[place], [row[place] for row in rows], columns[place] in unbroken) for place in filled]
    widths = _widths(shown, console.width - _GAP * len(shown) + 1)
    is_narrow = widths is None and len(shown) > 2
    shape = _blocks(columns, rows, filled) if is_narrow else _table(shown, widths)
    with console.capture() as capture:
        console.print(shape)
    return capture.get()


class _Column:
    """One column of a table, and the widths that it may have.

    Attributes:
        least: The width at which no word is broken.
        most: The width at which no cell is wrapped.
    """

    def __init__(self, heading: str, cells: Sequence[str], is_unbroken: bool) -> None:
        self.heading = heading
        self.cells = cells
        self.is_unbroken = is_unbroken
        self.most = max(map(cell_len, (heading, *cells)))
        self.least = max(cell_len(word) for cell in (heading, *cells) for word in cell.split() or [""])
        if is_unbroken:
            self.least = self.most


def _widths(columns: Sequence[_Column], room: int) -> list[int] | None:
    """Give each column its width, so that all fit; None where a word would have to be broken."""
    widths = [min(column.most, max(column.least, room)) for column in columns]
    while sum(widths) > room:
        spare = [width - column.least for width, column in zip(widths, columns, strict=True)]
        widest = spare.index(max(spare))
        if not spare[widest]:
            return None
        widths[widest] -= 1
    return widths


def _table(columns: Sequence[_Column], widths: Sequence[int] | None) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        width = None if widths is None else widths[place]
        table.add_column(column.heading, width=width, overflow="fold", no_wrap=column.is_unbroken)
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(_cell, row))
    return table


def _blocks(columns: Sequence[str], rows: Sequence[Sequence[str]], filled: Sequence[int]) -> Group:
    """Make a block for each row: its first cell as the heading, then a line for each cell that is not empty."""
    first, *others = filled
    blocks: list[Text | Table] = []
    for row in rows:
        lines = Table.grid(padding=(0, 2))
        lines.add_column(no_wrap=True, style="dim")
        lines.add_column(overflow="fold")
        for place in others:
            if row[place]:
                lines.add_row(f"  {columns[place]}", _cell(row[place]))
        blocks += [Text(row[first], style="bold"), lines, Text()]
    return Group(*blocks)


def _cell(cell: str) -> Text:
    return Text(cell, _style(cell))


def _style(cell: str) -> str:
    return "red" if isinstance(cell, Urgent) else _STYLES.get(cell, "")
