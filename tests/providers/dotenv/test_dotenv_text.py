"""The text of a `.env` file: what python-dotenv must read as we rely on it, and what we refuse on top of it.

`make dotenv-floor` runs this table, and all tests of the driver, with the oldest python-dotenv that is allowed.
"""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.providers._dotenv.editing import edited
from secretsource.providers._dotenv.text import Mistake, read_pairs


def mistake(text: str) -> Mistake:
    read = read_pairs(text)
    assert isinstance(read, Mistake), read
    return read


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", []),
        ("\n", []),
        ("A=1\n\n", [("A", "1")]),
        ("A=1\nB=2", [("A", "1"), ("B", "2")]),
        ("export A = 1  # comment", [("A", "1")]),
        ("A= # comment\nB=#value", [("A", ""), ("B", "#value")]),
        ("A='x\\\\'\nB='y'", [("A", "x\\"), ("B", "y")]),
        ('A="x\\\\"\nB="y"', [("A", "x\\"), ("B", "y")]),
        ("A='it\\'s'\nB=\"a\\\"b\\n\"", [("A", "it's"), ("B", 'a"b\n')]),
        ("\ufeffA=1", [("A", "1")]),
        ('A="1\r\n2"\r\nB=3\r\n', [("A", "1\n2"), ("B", "3")]),
        ("A='1\r2'\rB=3", [("A", "1\n2"), ("B", "3")]),
        ("A=`x`\nB='`x'\nC=``", [("A", "`x`"), ("B", "`x"), ("C", "``")]),
        ("A\nB=1\n# or\nC\nA=2", [("A", None), ("B", "1"), ("C", None), ("A", "2")]),
        ("A='1'\nB\n", [("A", "1"), ("B", None)]),
        ("A=1\nkey-with.signs=2\n'two words'=3", [("A", "1"), ("key-with.signs", "2"), ("two words", "3")]),
        ("KEY:=1", [("KEY:", "1")]),
        ("/prod/db=1\na+b=2\nx@y.z=3", [("/prod/db", "1"), ("a+b", "2"), ("x@y.z", "3")]),
        ("A=a=b==\nB=1", [("A", "a=b=="), ("B", "1")]),
        ("A=1\nB=\nc.d=\n", [("A", "1"), ("B", ""), ("c.d", "")]),
        ("A=1\na/b=2\n", [("A", "1"), ("a/b", "2")]),
    ],
)
def test_what_is_read(text: str, pairs: list[tuple[str, str | None]]) -> None:
    """Each form of a line means the same with every python-dotenv that is allowed."""
    assert read_pairs(text) == pairs


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("A=1\nB='x", 2, "parsed"),
        ("A=1\nKEY: value", 2, "parsed"),
        ("A='1'\n\nKEY:", 3, "no '='"),
        ("A='1'\nB=2\n# x\nab+c/d", 4, "no '='"),
        ("A='1'\n}", 2, "no '='"),
        ("A=1\nB=x\0y", 2, "NUL"),
        ("A=1\r\nB='x\r\n\0'", 3, "NUL"),
        ("\n'A\nB'=1", 2, "control"),
        ("A='1'\n\ufeffB=2", 2, "control"),
        ("A\x07=1", 1, "control"),
        ("A=MIIE\nabc\nB=1", 2, "rest of the value"),
        ("A=MIIE\n\n  abc", 3, "rest of the value"),
        ("A=\nMIIE", 2, "rest of the value"),
        ("A=MIIE\nabc==", 2, "rest of the value"),
        ("A=MIIE\nab/c=\nB=1", 2, "rest of the value"),
        ("A=MIIE\n+abc=", 2, "rest of the value"),
        ("A=1\nexport A", 2, "rest of the value"),
        ("A='1'\nexport A", 2, "takes away"),
        ("A=1\n# x\nA", 3, "takes away"),
        ("B='1'\n\"A\"=1", 2, "as another language writes it"),
        ("$env:A=1", 1, "as another language writes it"),
        ("A+=1", 1, "as another language writes it"),
        ("A[0]=1", 1, "as another language writes it"),
        ("B='1'\n+A=1", 2, "as another language writes it"),
        ("-A=1", 1, "as another language writes it"),
        ("%A%=1", 1, "as another language writes it"),
        ("//A=1", 1, "as another language writes it"),
        ("A=`x", 1, "backtick"),
        ("A=`", 1, "backtick"),
        ("B='1'\nA=`x\ny`", 2, "backtick"),
    ],
)
def test_what_is_refused(text: str, line: int, word: str) -> None:
    """A line that makes a name vanish or cuts a value short is malformed, and its number is told."""
    wrong = mistake(text)
    assert wrong.line == line
    assert word in wrong.problem
    assert wrong.remedy


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_wide_encoding_without_a_mark(encoding: str) -> None:
    """Text of two or four bytes a letter is valid UTF-8 full of NULs, and no file of other names."""
    assert "NUL" in mistake("TOKEN=one\n".encode(encoding).decode()).problem


def test_a_long_file_is_read_in_time() -> None:
    """The work grows with the number of lines, and not with its square."""
    read = read_pairs("".join(f"NAME_{number}=x\n" for number in range(20_000)))
    assert len(read) == 20_000


@given(
    st.lists(st.sampled_from(["A=1", "B='x\ny'", "export C=2 # c", "# comment", "", "D", 'E="\\n"']), max_size=6),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=20),
)
def test_what_is_edited_is_read_back(lines: list[str], value: str) -> None:
    """Whatever the file and the value, the name has the value then, and every other name what it had."""
    text = "\n".join(lines)
    before = read_pairs(text)
    if isinstance(before, Mistake):
        return
    after = read_pairs(edited(text, "A", value))
    assert not isinstance(after, Mistake)
    assert dict(after) == {**dict(before), "A": value}


def test_the_floor_is_what_is_tested() -> None:
    """The installed python-dotenv is not below the one that the package asks for."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    (floor,) = [need.removeprefix("python-dotenv>=") for need in project["project"]["dependencies"]]
    assert [*map(int, version("python-dotenv").split("."))] >= [*map(int, floor.split("."))]


@pytest.mark.parametrize(
    ("before", "after"),
    [("", "B=2\n"), ("A=1", "A=1\nB=2\n"), ("A=1\n", "A=1\nB=2\n"), ("A=1\r", "A=1\rB=2\n"), ("\n", "\nB=2\n")],
)
def test_a_line_is_appended_behind_a_line_end(before: str, after: str) -> None:
    """One is added only where it is missing."""
    assert edited(before, "B", "2").replace("'", "") == after


@pytest.mark.parametrize(("text", "line"), [("\0", 1), ("\n\0", 2), ("A=1\n\nB\0", 3)])
def test_a_nul_has_its_line(text: str, line: int) -> None:
    """Counted from the first one."""
    assert mistake(text).line == line
