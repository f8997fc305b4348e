"""The text of an export is read back as it was, whatever a value holds: by us, by python-dotenv, by a shell."""

from __future__ import annotations

import json
import subprocess
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from dotenv import dotenv_values
from dotenv.variables import Variable, parse_variables
from hypothesis import given, settings
from hypothesis import strategies as st

from secretsource import Resolver
from secretsource.cli.secrets._formats import DOTENV, JSON, SHELL, exported, name_problem, value_problem

PIECES = st.sampled_from(
    ["'", '"', "\\", "\\'", '\\"', "\n", "\r", "\r\n", "\t", " ", " #", "#", "=", "$", "${", "}", "${A}", "$(id)", "`",
     "!", "export ", "\\n", "\\r", "ref+", "secretref+", "\ufeff", "\x85", "\u2028", "\x1b", "\x0c", "\0", "é", "鍵"]
)  # fmt: skip
"""What means something to one of the readers."""

TEXTS = st.lists(PIECES | st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=8).map("".join)
"""Texts without half of a surrogate pair, which no UTF-8 has."""

NAMES = ["A", "_b", "A_1", "export", "aA"]

VALUES = st.lists(TEXTS, min_size=1, max_size=len(NAMES)).map(lambda texts: dict(zip(NAMES, texts, strict=False)))


def fitting(form: str, values: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value_problem(form, value) == ""}


@given(VALUES)
@settings(max_examples=500)
def test_dotenv_is_read_back(values: dict[str, str]) -> None:
    """Our provider and python-dotenv, with its replacements and without them, read each value as it was."""
    held = fitting(DOTENV, values)
    text = exported(DOTENV, held)
    with TemporaryDirectory() as folder:
        path = Path(folder) / ".env"
        path.write_bytes(text.encode())
        with Resolver([f"dotenv://{path}"]) as resolver:
            assert {name: str(resolver.get(name)) for name in held} == held
        assert dotenv_values(path, interpolate=False) == held
        assert dotenv_values(path) == held


@given(TEXTS)
@settings(max_examples=500)
def test_dotenv_refuses_no_more_than_it_must(text: str) -> None:
    """What is refused would be read as another value: it has a NUL, a replacement, or the mark of a reference."""
    is_replaced = any(isinstance(atom, Variable) for atom in parse_variables(text))
    is_marked = text.startswith(("ref+", "secretref+"))
    assert (value_problem(DOTENV, text) != "") == ("\0" in text or is_replaced or is_marked)


@given(VALUES)
@settings(max_examples=100)
def test_a_shell_reads_it_back(values: dict[str, str]) -> None:
    """A POSIX shell that evaluates the text has each value, in its own variables and in those of its children."""
    held = fitting(SHELL, values)
    script = 'eval "$1"; shift; for name; do printenv -0 "$name"; done'
    done = subprocess.run(
        ["sh", "-c", script, "sh", exported(SHELL, held), *held],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    assert done.stdout == b"".join(value.encode() + b"\0" for value in held.values())


@given(VALUES)
def test_json_is_read_back(values: dict[str, str]) -> None:
    """JSON holds every text."""
    assert fitting(JSON, values) == values
    assert json.loads(exported(JSON, values)) == values


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("", "A="),
        ("sk_live_a.b/c:d@e%f+g,h-i=", "A=sk_live_a.b/c:d@e%f+g,h-i="),
        ("=", "A='='"),
        ("two words", "A='two words'"),
        ('a "b" $c\nd', "A='a \"b\" $c\nd'"),
        ("it's", 'A="it\'s"'),
        ("a\\b", 'A="a\\\\b"'),
        ("a\rb\"'", 'A="a\\rb\\"\'"'),
        ("a'\"\\'", 'A="a\'\\"\\\\\'"'),
    ],
)
def test_few_escapes(value: str, line: str) -> None:
    """A value has no quotes where it needs none, and no escapes where quotes are enough: other readers differ there."""
    assert exported(DOTENV, {"A": value}) == line + "\n"
    assert dotenv_values(stream=StringIO(line)) == {"A": value}


@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("A", {DOTENV, SHELL, JSON}),
        ("_a9", {DOTENV, SHELL, JSON}),
        ("a.b-c", {DOTENV, JSON}),
        ("9a", {JSON}),
        ("-a", {JSON}),
        ("a b", {JSON}),
        ("ä", {JSON}),
        ("A\n", {JSON}),
        ("a=b", {JSON}),
        ("", {JSON}),
        ("env://A", set[str]()),
    ],
)
def test_names(name: str, forms: set[str]) -> None:
    """A name that a reader would not take for one is refused."""
    assert {form for form in (DOTENV, SHELL, JSON) if name_problem(form, name) == ""} == forms


def test_nothing_to_write() -> None:
    """Without a value, the text is empty, or an object without names."""
    assert [exported(form, {}) for form in (DOTENV, SHELL, JSON)] == ["", "", "{}\n"]
