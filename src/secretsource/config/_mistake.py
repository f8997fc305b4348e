"""Why a text is not TOML, in one of a fixed set of clauses; no part of the text is quoted.

The parser tells a kind of mistake and a place. From what stands at the place it is often plain what the author did:
text without quotes, a number with a unit, a bracket that is still open (https://toml.io/en/v1.0.0).
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from secretsource.config._lines import line_at, statements, unclosed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secretsource.config._lines import Statement

__all__ = ["TOO_DEEP", "Mistake", "mistake_in"]


class Mistake(NamedTuple):
    """The mistake in a text.

    Attributes:
        place: Where, as ``line 2, column 5``; empty where the parser does not tell.
        reason: Why, as a clause; empty for a kind that is not known.
    """

    place: str
    reason: str


TOO_DEEP = "arrays or tables must be nested less deeply"
NO_VALUE = "a value is missing"
NO_QUOTES = "text must be in straight quotes, and true and false in lower case"
NUMBER = "a number or a date has a form that TOML does not have; text, such as a length of time, must be in quotes"
LONG_NUMBER = "a number has too many digits"
NO_DATE = "a date or a time is not in the calendar"
MORE = "the value must end its line: put all of a text in quotes, and each key on a line of its own"
NO_EQUALS = "a key must be followed by '=' and its value"
NO_KEY = "a key or the name of a table is missing, or needs quotes: bare, it is of A-Z, a-z, 0-9, '-' and '_'"
OPEN_HEADER = "the name of a table must end with its bracket"
OPEN_TEXT = "the quotes of a text are not closed on its line"
OPEN_QUOTES = "the quotes that are opened in line {} are not closed"
OPEN_BRACKET = "the bracket that is opened in line {} is not closed, or a comma is missing before this place"
OPEN_BRACE = "the brace that is opened in line {} is not closed on that line, or a comma is missing before this place"
ESCAPE = "a backslash in double quotes begins an escape that TOML does not have: write it twice, or use single quotes"
CONTROL = "a text or a comment must have no control character"
KEY_TWICE = "a name is given twice in one table{}: keep one of them"
TABLE_TWICE = "a table is given twice{}: put its keys in one place"
ADDED = "a table that is complete is added to: put its keys in one place"

_NUMBER = re.compile(r"[+-]?\.?[0-9][0-9A-Za-z_.:+-]*\Z")
_WORD = re.compile(r"[0-9A-Za-z_.]\Z")
_KEY_OR_HEADER = re.compile(r"""[\w."' -]+(=|\][ \t]*(\#.*)?$)""", re.MULTILINE)


def mistake_in(text: str, complaint: str) -> Mistake:
    """Find the mistake in a text.

    Args:
        text: The whole file.
        complaint: The parser's own sentence.
    """
    text = text.replace("\r\n", "\n")  # as the parser counts
    at, place = _place(text, complaint)
    for beginning, reason in _REASONS.items():
        if complaint.startswith(beginning):
            return Mistake(place, reason if isinstance(reason, str) else reason(text, at))
    return Mistake(place, "")


def _place(text: str, complaint: str) -> tuple[int, str]:
    """Return the offset that the parser complains of, and how to say it."""
    if complaint.endswith("(at end of document)"):
        return len(text), f"line {line_at(text, len(text))}, at its end"
    where = re.search(r"\(at line (\d+), column (\d+)\)$", complaint)
    if where is None:
        return len(text), ""
    line, column = int(where[1]), int(where[2])
    start = 0
    for _ in range(line - 1):
        start = text.index("\n", start) + 1
    return start + column - 1, f"line {line}, column {column}"


def _value(text: str, at: int) -> str:
    """Return why no value can be read at a place."""
    here = text[at : at + 1]
    around = unclosed(text, at)
    if around is not None and (not here or _is_next_statement(text, at, around)):
        return _open(text, at)
    if not here or here in "\n#,]}=":
        return NO_VALUE
    return NUMBER if here in "+-.0123456789" else NO_QUOTES


def _is_next_statement(text: str, at: int, around: int) -> bool:
    """Return whether a line that should go on with an array reads as a key or a table of its own."""
    return line_at(text, around) < line_at(text, at) and _KEY_OR_HEADER.match(text, at) is not None


def _after_value(text: str, at: int) -> str:
    """Return why something follows a value."""
    before, here = text[text.rfind("\n", 0, at) + 1 : at], text[at : at + 1]
    if not _WORD.search(before) or here in " \t\n,;#[]{}\"'=":
        return MORE
    return NUMBER if _NUMBER.search(re.split(r"[\s=,\[]", before)[-1]) else NO_QUOTES


def _in_brackets(text: str, at: int) -> str:
    """Return why an array or an inline table does not go on."""
    runs_on = _after_value(text, at)
    return _open(text, at) if runs_on == MORE else runs_on


def _key_part(text: str, at: int) -> str:
    """Return why no key can be read at a place."""
    around = unclosed(text, at)
    return _open(text, at) if around is not None and text[around] == "{" and text[at : at + 1] in "\n" else NO_KEY


def _open(text: str, at: int) -> str:
    """Say what is opened before a place and not closed."""
    opening = unclosed(text, at)
    start = at if opening is None else opening
    reason = {"[": OPEN_BRACKET, "{": OPEN_BRACE}.get(text[start : start + 1], OPEN_QUOTES)
    return reason.format(line_at(text, start))


def _character(text: str, at: int) -> str:
    return OPEN_TEXT if text[at] == "\n" else CONTROL


def _statement(text: str, at: int) -> str:
    return NO_KEY if text[at].isprintable() else CONTROL


def _twice(text: str, at: int) -> str:
    """Return that a name is given again, and the line of the first time."""
    *earlier, last = (statement for statement in statements(text) if statement.start < at)
    same = [other for other in earlier if other.path == last.path]
    first = (same or [other for other in earlier if _collide(other, last)])[-1:]
    reason = TABLE_TWICE if last.is_header and all(other.is_header for other in first) else KEY_TWICE
    return reason.format(
        "".join(f", in lines {line_at(text, other.start)} and {line_at(text, last.start)}" for other in first)
    )


def _collide(one: Statement, other: Statement) -> bool:
    """Return whether a value stands where a later statement has a table, or the other way round."""
    length = len(one.path)
    if length < len(other.path):
        return not one.is_header and other.path[:length] == one.path
    return one.path[: len(other.path)] == other.path


_REASONS: Mapping[str, str | Callable[[str, int], str]] = {
    "Invalid value": _value,
    "Expected newline or end of document": _after_value,
    "Unclosed array": _in_brackets,
    "Unclosed inline table": _in_brackets,
    "Invalid initial character for a key part": _key_part,
    "Invalid statement": _statement,
    "Expected '='": NO_EQUALS,
    "Expected ']": OPEN_HEADER,
    "Expected \"'": _open,
    "Unterminated string": _open,
    "Found invalid character": _character,
    "Illegal character": _character,
    "Unescaped": ESCAPE,
    "Invalid hex value": ESCAPE,
    "Escaped character": ESCAPE,
    "Invalid date": NO_DATE,
    "Cannot declare": _twice,
    "Cannot overwrite": _twice,
    "Duplicate inline table key": KEY_TWICE.format(""),
    "Cannot mutate": ADDED,
    "Cannot redefine": ADDED,
    "Exceeds the limit": LONG_NUMBER,
    TOO_DEEP: TOO_DEEP,
}
"""The first words of a complaint of the standard library, each with its reason."""
