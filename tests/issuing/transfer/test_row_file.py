"""Rows of a file: JSON lines and CSV as they come, and everything that can be wrong with them."""

from __future__ import annotations

import io
import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.exceptions import InvalidRequest
from secretsource.issuing import Unreadable, header_judge, read_rows
from secretsource.issuing._transfer.row_file import LONGEST_LINE

if TYPE_CHECKING:
    from collections.abc import Iterator


def rows_of(content: bytes, kind: Any, **more: Any) -> list[Any]:
    """The rows of a file; of a line that is none, its reason and what was kept of it."""
    rows = read_rows(io.BytesIO(content), kind, **more)
    return [(row.reason, row.line) if isinstance(row, Unreadable) else row for row in rows]


def test_json_lines() -> None:
    """With either end of line, empty lines between them, a byte order mark before them, no end behind them."""
    content = b'\xef\xbb\xbf{"owner": "a"}\r\n\n  \n{"owner": "\xc3\xa9"}\n{"owner": "c"}'
    assert rows_of(content, "jsonl") == [{"owner": "a"}, {"owner": "é"}, {"owner": "c"}]
    assert rows_of(b"", "jsonl") == []


def test_csv() -> None:
    """Quoted cells with commas, quotes and line ends; empty lines; a byte order mark."""
    content = b'\xef\xbb\xbfowner,metadata\r\na,"{""x"": 1,\n ""y"": 2}"\r\n\r\n\xc3\xa9,\n'
    assert rows_of(content, "csv") == [
        {"owner": "a", "metadata": '{"x": 1,\n "y": 2}'},
        {"owner": "é", "metadata": ""},
    ]


def test_csv_with_blanks() -> None:
    """Blanks around names and after commas, nameless columns, and rows of empty cells, as spreadsheets write them."""
    content = 'owner , scopes,\ufeff,\na, "x, y",,\n,,,\n \u00a0, , ,\nb,,5,\n'.encode()
    assert rows_of(content, "csv", judge=header_judge(columns={"hash": "scopes"})) == [
        {"owner": "a", "scopes": "x, y"}, {"owner": "b", "scopes": "", "": "5"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "reason", "kept"),
    [
        (b'{"owner": "a"', "the line is not a JSON object", '{"owner": "a"'),
        (b"5", "the line is not a JSON object", "5"),
        (b"[" * 60_000, "the line is not a JSON object", "[" * 60_000),
        (b'{"n": ' + b"9" * 5000 + b"}", "the line is not a JSON object", '{"n": ' + "9" * 5000 + "}"),
        (b'{"owner": "\xff"}', "the line is not in UTF-8", '{"owner": "\\xff"}'),
        (b'{"x": "' + b"a" * LONGEST_LINE + b'"}', f"the line is longer than {LONGEST_LINE} bytes", ""),
    ],
)
def test_a_broken_line_is_passed_over(line: bytes, reason: str, kept: str) -> None:
    """In its place comes what is wrong with it, and the others come as they are."""
    good = b'{"owner": "good"}'
    assert rows_of(b"\n".join([good, line, good]), "jsonl") == [
        {"owner": "good"}, (reason, kept), {"owner": "good"},
    ]  # fmt: skip


def test_broken_lines_of_csv() -> None:
    """Too few cells, too many, a quote in a cell, another encoding, a line without end."""
    content = (
        b'owner,hash\na\nb,1,2\n"c"x,1\nd,\xff\n' + b"e" * (2 * LONGEST_LINE) + b",5\ng,6\n" + b"h" * (LONGEST_LINE + 1)
    )
    assert rows_of(content, "csv") == [
        ("the line has 1 cells, and the header has 2 names", "a"),
        ("the line has 3 cells, and the header has 2 names", "b,1,2"),
        ("the line is not CSV: check its quotes", '"c"x,1'),
        ("the line is not in UTF-8", "d,\\xff"),
        (f"the line is longer than {LONGEST_LINE} bytes", ""),
        {"owner": "g", "hash": "6"},
        (f"the line is longer than {LONGEST_LINE} bytes", ""),
    ]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_another_encoding_is_one_error(kind: Any, encoding: str) -> None:
    """And not one for each line."""
    with pytest.raises(InvalidRequest, match="save it in UTF-8"):
        rows_of("owner,hash\na,b\n".encode(encoding), kind)


@pytest.mark.parametrize("document", [[{"owner": "a"}], {"keys": [{"owner": "a"}]}])
def test_one_json_document_is_one_error(document: Any) -> None:
    """Pretty or not, it is no file of lines."""
    with pytest.raises(InvalidRequest, match="one object on each line"):
        rows_of(json.dumps(document, indent=2).encode(), "jsonl")


@pytest.mark.parametrize("content", [b"", b"\nowner,hash\n", b'"owner"x,hash\n', b"\xff,hash\n"])
def test_csv_without_a_header_is_one_error(content: bytes) -> None:
    """Before there is a row."""
    with pytest.raises(InvalidRequest, match="the first line of a CSV file is its header"):
        rows_of(content, "csv")


def test_a_header_is_judged_before_there_is_a_row() -> None:
    """By whoever knows the columns."""
    assert rows_of(b"owner\na\n", "csv", judge=lambda _: None) == [{"owner": "a"}]
    with pytest.raises(InvalidRequest, match="too short"):
        rows_of(b"owner\na\n", "csv", judge=lambda header: f"{header} is too short")


@given(st.binary(max_size=300), st.sampled_from(["jsonl", "csv"]))
def test_any_bytes_are_rows_or_one_error(content: bytes, kind: Any) -> None:
    """Never another error."""
    try:
        rows = rows_of(content, kind)
    except InvalidRequest:
        return
    assert all(isinstance(row, (dict, tuple)) for row in rows)


def test_a_file_is_never_read_whole() -> None:
    """Rows of any number, and lines of any length, take a few lines of memory."""

    class Endless(io.RawIOBase):
        left = 64 * 1024 * 1024

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            size = min(len(buffer), self.left)
            self.left -= size
            buffer[:size] = b"x" * size
            return size

    def lines() -> Iterator[Any]:
        yield from read_rows(io.BufferedReader(Endless()), "jsonl")

    tracemalloc.start()
    assert [type(row) for row in lines()] == [Unreadable]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
