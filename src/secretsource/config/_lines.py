"""The place of each key of a TOML text, which the standard parser does not tell.

The text has been parsed before, so this scanner relies on its being valid, up to where the parser stopped. It looks for
the key of each statement, and steps over the value. Keys inside an inline table or an array have no entry of their own;
the statement that holds them has (https://toml.io/en/v1.0.0).
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""

_STATEMENT = re.compile(
    rf"""(?:[ \t\r\n]|\#[^\n]*)*+               # blank lines and comments
    (?P<header>\[\[?[ \t]*)?                    # [table] or [[array of tables]]
    (?P<key>{_PART}(?:[ \t]*\.[ \t]*{_PART})*)  # bare, "basic" or 'literal', joined by dots""",
    re.VERBOSE,
)

_TOKEN = re.compile(
    r'''\#[^\n]*
    | """(?:\\.|[^\\])*?"{3,5} | \'\'\'.*?\'{3,5}
    | (?!""")"(?:\\.|[^"\\\n])*" | (?!\'\'\')'[^'\n]*'
    | [\[\]{}\n"']''',
    re.VERBOSE | re.DOTALL,
)


class Statement(NamedTuple):
    """One key with its value, or the header of a table.

    Attributes:
        path: From the root of the text.
        is_header: Whether it is the header of a table.
        start: The offset of its key.
        is_item: Whether it is the header of one table of an array, ``[[…]]``.
    """

    path: tuple[str, ...]
    is_header: bool
    start: int
    is_item: bool = False


def statements(text: str) -> Iterator[Statement]:
    """Return the statements of a TOML text in order, as far as it is valid."""
    table: tuple[str, ...] = ()
    at = 0
    while found := _STATEMENT.match(text, at):
        header, path = found["header"], _path(found["key"])
        if header:
            table = path
        else:
            path = table + path
        yield Statement(path, header is not None, found.start("key"), header is not None and header.startswith("[["))
        at = _end(text, found.end())


def line_index(text: str) -> Mapping[tuple[str | int, ...], int]:
    """Return the line, from 1, of every key and table of a valid TOML text, by its path from the root.

    A key in a table of an array also has the path with the place of that table: ``("routes", 0, "path")``.
    """
    lines: dict[tuple[str | int, ...], int] = {}
    items: dict[tuple[str, ...], int] = {}
    for written, is_header, start, is_item in statements(text):
        if is_item:
            items[written] = items.get(written, -1) + 1
        line = line_at(text, start)
        for path in {written, _placed(written, items, is_item or not is_header)}:
            for length in range(1, len(path)):
                lines.setdefault(path[:length], line)
            lines[path] = line
    return lines


def _placed(path: tuple[str, ...], items: Mapping[tuple[str, ...], int], inside: bool) -> tuple[str | int, ...]:
    """Return a path with the place of the present table behind the name of its array."""
    for length in range(len(path), 0, -1):
        if inside and path[:length] in items:
            return (*path[:length], items[path[:length]], *path[length:])
    return path


def line_at(text: str, at: int) -> int:
    """Return the line, from 1, of an offset."""
    return text.count("\n", 0, at) + 1


def unclosed(text: str, end: int) -> int | None:
    """Find the first bracket, brace or quote before ``end`` that is not closed by then, or None."""
    open_at: list[int] = []
    for token in _TOKEN.finditer(text, 0, end):
        if token[0] in {'"', "'"}:
            return token.start()
        if token[0] in "[{":
            open_at.append(token.start())
        elif token[0] in "]}" and open_at:
            open_at.pop()
    return open_at[0] if open_at else None


def _path(key: str) -> tuple[str, ...]:
    """Return the parts of a dotted key, unquoted by the standard parser itself."""
    path: list[str] = []
    node: object = tomllib.loads(f"{key} = 0")
    while isinstance(node, dict):
        ((part, node),) = node.items()
        path.append(part)
    return tuple(path)


def _end(text: str, at: int) -> int:
    """Return the end of the statement around ``at``: the first line end outside of strings and brackets."""
    depth = 0
    for token in _TOKEN.finditer(text, at):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
        elif token[0] == "\n" and depth <= 0:  # a header closes a bracket that was opened before `at`
            return token.start()
    return len(text)
