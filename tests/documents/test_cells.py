"""Rows as comma-separated values."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.issuing.documents import csv_text

CELLS = st.one_of(st.text(st.characters(exclude_characters="\r\0")), st.integers())


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2)))
def test_a_table_is_read_as_it_was_written(rows: list[list[object]]) -> None:
    """Commas, quotes and line ends stay in their cells; only the beginning of a formula changes."""
    header, *found = csv.reader(io.StringIO(csv_text(("one", "two"), rows), newline=""))
    assert header == ["one", "two"]
    assert [[cell.removeprefix("'") for cell in row] for row in found] == [
        [str(cell).removeprefix("'") for cell in row] for row in rows
    ]


@pytest.mark.parametrize("begins", [*"=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"])
def test_no_text_is_a_formula(begins: str) -> None:
    """A spreadsheet shows a text that begins so, and computes nothing; a number below zero stays a number."""
    text = csv_text(("name", "number"), [(f"{begins}cmd()", -5)])
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["name", "number"], [f"'{begins}cmd()", "-5"]]
