"""What is not TOML is refused with its place and a reason, and nothing of it is quoted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.config.test_toml_lines import documents

from secretsource.config import _mistake as mistake
from secretsource.config._section import read_toml
from secretsource.exceptions import ConfigurationError

CANARY = "s3cr3tc4n4ry"

VOCABULARY = [value for name, value in vars(mistake).items() if name.isupper() and isinstance(value, str)]

CASES = [
    ("a = ", "line 1, at its end", mistake.NO_VALUE),
    (f"a = # {CANARY}\nb = 1", "line 1, column 5", mistake.NO_VALUE),
    ("a = \r\nb = 1", "line 1, column 5", mistake.NO_VALUE),
    ("a = [1,,2]", "line 1, column 8", mistake.NO_VALUE),
    (f"a = 1\nb = {CANARY}", "line 2, column 5", mistake.NO_QUOTES),
    (f"a = [{CANARY}]", "line 1, column 6", mistake.NO_QUOTES),
    (f"a = \u201c{CANARY}\u201d", "line 1, column 5", mistake.NO_QUOTES),
    ("a = True", "line 1, column 5", mistake.NO_QUOTES),
    ("a = trueish", "line 1, column 9", mistake.NO_QUOTES),
    ("a = 5m", "line 1, column 6", mistake.NUMBER),
    ("a = 007", "line 1, column 6", mistake.NUMBER),
    ("a = [1, 5m]", "line 1, column 10", mistake.NUMBER),
    ("a = .5", "line 1, column 5", mistake.NUMBER),
    (f"a = 12{CANARY}", "line 1, column 7", mistake.NUMBER),
    ("a = 2026-13-01", "line 1, column 9", mistake.NUMBER),
    ("a = 2026-02-30", "line 1, column 5", mistake.NO_DATE),
    (f'a = "{CANARY}" {CANARY}', "line 1, column 20", mistake.MORE),
    ("a = 5 seconds", "line 1, column 7", mistake.MORE),
    ("a = 1, b = 2", "line 1, column 6", mistake.MORE),
    (f"a: {CANARY}", "line 1, column 2", mistake.NO_EQUALS),
    (f"export {CANARY}", "line 1, column 8", mistake.NO_EQUALS),
    ("= 1", "line 1, column 1", mistake.NO_KEY),
    (f"\u00e9 = '{CANARY}'", "line 1, column 1", mistake.NO_KEY),
    ("[]", "line 1, column 2", mistake.NO_KEY),
    ("a = {b = 1,}", "line 1, column 12", mistake.NO_KEY),
    ("[environments.production", "line 1, at its end", mistake.OPEN_HEADER),
    ("[[list]\na = 1", "line 1, column 7", mistake.OPEN_HEADER),
    (f'a = "{CANARY}\nb = 1', "line 1, column 18", mistake.OPEN_TEXT),
    (f"a = '{CANARY}\nb = '1'", "line 1, column 18", mistake.OPEN_TEXT),
    (f"a = '{CANARY}", "line 1, at its end", mistake.OPEN_QUOTES.format(1)),
    (f"\n\na = '''{CANARY}\n", "line 4, at its end", mistake.OPEN_QUOTES.format(3)),
    (f'a = 1\nb = """{CANARY}\n"', "line 3, at its end", mistake.OPEN_QUOTES.format(2)),
    ("a = [1 2]", "line 1, column 8", mistake.OPEN_BRACKET.format(1)),
    ("a = [\n'env'\nb = 1", "line 3, column 1", mistake.OPEN_BRACKET.format(1)),
    ("a = 1\nb = ['env',\nc = 1", "line 3, column 1", mistake.OPEN_BRACKET.format(2)),
    ("a = ['env',\n[b]\nc = 1", "line 2, column 2", mistake.OPEN_BRACKET.format(1)),
    ("a = [", "line 1, at its end", mistake.OPEN_BRACKET.format(1)),
    ("a = [1]\nb = [", "line 2, at its end", mistake.OPEN_BRACKET.format(2)),
    ("a = [\n5m]", "line 2, column 2", mistake.NUMBER),
    ("a = {b = 1\n}", "line 1, column 11", mistake.OPEN_BRACE.format(1)),
    ("a = {b = 1,\nc = 2}", "line 1, column 12", mistake.OPEN_BRACE.format(1)),
    (f'a = "C:\\{CANARY}"', "line 1, column 10", mistake.ESCAPE),
    ('a = "C:\\Users"', "line 1, column 10", mistake.ESCAPE),
    ('a = "\\ud800"', "line 1, column 12", mistake.ESCAPE),
    ("a = '\x01'", "line 1, column 6", mistake.CONTROL),
    ('a = "\x7f"', "line 1, column 6", mistake.CONTROL),
    ("\x00", "line 1, column 1", mistake.CONTROL),
    ("[a]\nx = 1\n[b]\n[a]", "line 4, column 3", mistake.TABLE_TWICE.format(", in lines 1 and 4")),
    (f"a = '{CANARY}'\nb = 1\na = 2\n", "line 3, column 6", mistake.KEY_TWICE.format(", in lines 1 and 3")),
    ("[[a]]\nx = 1\n[[a]]\nx = 1\nx = 2\n", "line 5, column 6", mistake.KEY_TWICE.format(", in lines 4 and 5")),
    ("a = 1\nb = 2\n[a.c]", "line 3, column 5", mistake.KEY_TWICE.format(", in lines 1 and 3")),
    ("a = 1\n[a.b]", "line 2, column 5", mistake.KEY_TWICE.format(", in lines 1 and 2")),
    ("a.b = 1\r\na = '''\r\n'''\r\n", "line 3, column 4", mistake.KEY_TWICE.format(", in lines 1 and 2")),
    ("a = {b = 1, b = 2}", "line 1, column 18", mistake.KEY_TWICE.format("")),
    ("a = {}\na.b = 1\n", "line 2, column 8", mistake.ADDED),
    ("a = []\n[[a]]", "line 2, column 4", mistake.ADDED),
]


def refusal(text: str) -> str:
    """The sentence of a text that is refused."""
    with pytest.raises(ConfigurationError) as caught:
        read_toml(text, Path("secretsource.toml"))
    return str(caught.value)


@pytest.mark.parametrize(("text", "place", "reason"), CASES)
def test_a_mistake_has_its_reason(text: str, place: str, reason: str) -> None:
    """In a clause of a fixed set, behind the file and the place, with nothing of what stands there."""
    assert refusal(text) == f"secretsource.toml, {place}: this is not valid TOML: {reason}"


@pytest.mark.parametrize(
    ("text", "reason"), [("a = " + "9" * 5000, mistake.LONG_NUMBER), ("a = " + "[" * 5000, mistake.TOO_DEEP)]
)
def test_a_mistake_without_a_place(text: str, reason: str) -> None:
    """The parser does not tell where a number is too long, or where it gave up; the reason stands alone."""
    assert refusal(text) == f"secretsource.toml: this is not valid TOML: {reason}"


def test_every_clause_has_a_case() -> None:
    """No clause is there that nothing is refused with."""
    said = " ".join([*(reason for _, _, reason in CASES), mistake.LONG_NUMBER, mistake.TOO_DEEP])
    assert [clause for clause in VOCABULARY if clause.partition("{}")[0] not in said] == []


def test_a_complaint_of_another_parser() -> None:
    """A kind that is not known has no reason, and is not passed on, since it may quote the text."""
    assert mistake.mistake_in("a = 1", f"Odd {CANARY} (at line 1, column 3)") == ("line 1, column 3", "")
    assert mistake.mistake_in("a = 1", CANARY) == ("", "")


CLAUSES = re.compile(
    "|".join(re.escape(clause).replace(r"\{\}", r"(\d+|, in lines \d+ and \d+)?") for clause in VOCABULARY)
)


@given(documents(), st.data())
def test_any_slip(document: tuple[str, dict[tuple[str, ...], int]], data: st.DataObject) -> None:
    """A valid text with a character less, or one more, is read or refused with a clause of the set, and no crash."""
    text, _ = document
    at = data.draw(st.integers(0, len(text)))
    slip = data.draw(st.sampled_from(["", *"[]{}='\"\\,.#\n 0a\x00\u00e9"]))
    slipped = text[:at] + slip + text[at + (not slip) :]
    try:
        read_toml(slipped, Path("secretsource.toml"))
    except ConfigurationError as error:
        _, found, reason = str(error).partition(": this is not valid TOML: ")
        assert found
        assert CLAUSES.fullmatch(reason)
