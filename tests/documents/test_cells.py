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
    """Commas, quotes and line ends stay in their cells; only apostrophes are added."""
    header, *found = csv.reader(io.StringIO(csv_text(("one", "two"), rows), newline=""))
    assert header == ["one", "two"]
    assert [[cell.replace("'", "") for cell in row] for row in found] == [
        [str(cell).replace("'", "") for cell in row] for row in rows
    ]


@pytest.mark.parametrize("begins", [*"=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"])
def test_no_text_is_a_formula(begins: str) -> None:
    """A spreadsheet shows a text that begins so, and computes nothing; a number below zero stays a number."""
    text = csv_text(("name", "number"), [(f"{begins}cmd()", -5)])
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["name", "number"], [f"'{begins}cmd()", "-5"]]


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\uff1d", '"=', '"-'])
@pytest.mark.parametrize("end", [";", "\t", "\r", "\n", ";;"])
def test_no_text_is_a_formula_for_a_spreadsheet_with_other_separators(begins: str, end: str) -> None:
    """Semicolons and line ends within a text begin a cell for a German spreadsheet, which the text does not decide."""
    text = csv_text(("name", "number"), [(f"acme{end}{begins}cmd()", 5)])
    for delimiter in (";", "\t"):
        cells = [cell for row in csv.reader(io.StringIO(text), delimiter=delimiter) for cell in row]
        assert not any(cell.startswith(("=", "+", "-", "@", "\uff1d")) for cell in cells), cells


def test_other_texts_stay_as_they_are() -> None:
    """A hyphen or an equals sign that no reader takes for the beginning of a cell gets no apostrophe."""
    name = "north-west; a=b, 1+1 (x@y.example); done"
    assert list(csv.reader(io.StringIO(csv_text(("name",), [(name,)])))) == [["name"], [name]]
