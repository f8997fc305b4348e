"""The text of a ``.env`` file: the value of each name, and the malformed lines.

Lines are read as python-dotenv reads them, with one more rule. A line that makes a name vanish, or cuts a value short,
is malformed: an absence would let a weaker source win.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, NamedTuple

from dotenv.parser import parse_stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from dotenv.parser import Binding

    Pairs: TypeAlias = list[tuple[str, str | None]]

__all__ = ["BYTE_ORDER_MARK", "Mistake", "bindings", "read_pairs"]

BYTE_ORDER_MARK = "\ufeff"

_OPENING = re.compile(r"\s*(?:export[^\S\r\n]+)?(?:'[^']+'|[^=#\s]+)[^\S\r\n]*=[^\S\r\n]*(['\"]?)")
"""A statement up to its value, with the opening quote of the value."""

_BASE64_TAIL = re.compile(r"(?=.*[+/])[A-Za-z0-9+/]*")
"""The end of base64 before its ``=``, if no variable can have such a name."""


_FOREIGN_NAME = re.compile(r"""[-+%].*|//.*|.*[\"'`$()\[\]{}<>|;&].*|.*\+""")
"""A name with quotes, brackets or operators of another language around it, such as ``"A"``, ``$env:A`` or ``A+``."""


class Mistake(NamedTuple):
    """A malformed line, without its content.

    Attributes:
        line: Its number, from 1.
        problem: The problem, as the words after "line 3 of .env".
        remedy: The next step for the reader.
    """

    line: int
    problem: str
    remedy: str


def bindings(text: str) -> Iterator[Binding]:
    """Return the statements of a text, with the line ends that it has."""
    return parse_stream(StringIO(text, newline=""))


def read_pairs(text: str) -> Pairs | Mistake:
    r"""Return every name with its value, in order; None is the value of a line without ``=``.

    One byte order mark is removed, and every line end is read as ``\n``, also inside of quotes.
    """
    text = "\n".join(text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n").split("\r"))
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        return Mistake(line, "has a NUL character", "save the file as UTF-8, or set its encoding")
    pairs: Pairs = []
    valued: set[str] = set()
    is_open = False  # whether the last statement's value would go on if it had quotes
    for binding in bindings(text):
        problem = _problem(binding, valued, after_unquoted=is_open)
        if problem is not None:
            return Mistake(_line_of(binding), *problem)
        if binding.key is not None:
            pairs.append((binding.key, binding.value))
            if binding.value is not None:
                valued.add(binding.key)
            is_open = binding.value is not None and not _quote(binding)
        elif binding.original.string.strip():  # a comment ends it, an empty line does not
            is_open = False
    return pairs


def _problem(binding: Binding, valued: set[str], *, after_unquoted: bool) -> tuple[str, str] | None:
    """Return the problem with a statement and its remedy, or None."""
    key, value = binding.key, binding.value
    if binding.error:
        return "cannot be parsed", "write NAME=value there, with both quotes if any, or # before a comment"
    if key is None:
        return None
    if not key.isprintable():
        return "has a name with a line break or another control character", "write NAME=value on one line"
    if after_unquoted and (value is None or _is_tail(key, value, binding)):
        return "looks like the rest of the value above it", "put a value of several lines into quotes"
    if value is None:
        return _bare_problem(key, valued)
    if _FOREIGN_NAME.fullmatch(key):
        problem = "has a name with a quote, a bracket or an operator, as another language writes it"
        return problem, "write NAME=value there, or # before a comment"
    if value.startswith("`") and not _quote(binding) and (len(value) == 1 or not value.endswith("`")):
        return "has a value that begins with a backtick and does not end with one", "use single or double quotes"
    return None


def _is_tail(key: str, value: str, binding: Binding) -> bool:
    """Return whether a line is the end of base64, which has one or two ``=``; a name with one may be a variable's."""
    if _quote(binding) or set(value) - {"="}:
        return False
    return bool(value) or _BASE64_TAIL.fullmatch(key) is not None


def _bare_problem(key: str, valued: set[str]) -> tuple[str, str] | None:
    """Return the problem with a line that has no ``=``."""
    if not key.isidentifier():
        return "has no '=', and is not a variable name", "write NAME=value there, or # before a comment"
    if key in valued:
        return "has no '=', and takes away the value that its name has above", "remove the line"
    return None


def _quote(binding: Binding) -> str:
    """Return the opening quote of a statement's value, or an empty text."""
    opening = _OPENING.match(binding.original.string)
    return opening[1] if opening else ""


def _line_of(binding: Binding) -> int:
    """Return the number of the line where a statement starts; the parser counts from the empty lines before it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
