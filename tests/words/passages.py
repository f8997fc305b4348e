"""The prose of this repository as passages: docstrings, comments, messages and pages (pure but for reading files)."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from inspect import cleandoc
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK = re.compile(r"#\s*(noqa|type:|pragma|pyright|pure|ruff|mypy|!)")
_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Yields):$")
_ENTRY = re.compile(r"^[*\w.]+: ")
_LITERAL = re.compile(r"``[^`]*``|`[^`]*`")
_LINK = re.compile(r"!?\[(?P<shown>[^]]*)\]\([^)]*\)")
_END = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)\s+(?=[\w\"'(])")
_UNSPOKEN = re.compile(
    r"<!-- generated: .*?<!-- end -->|<!--.*?-->|^```.*?^```|^ {4,}[^\n]*$", re.MULTILINE | re.DOTALL
)
"""Parts of a page without prose of its own; generated parts are checked at their source."""

_BULLET = re.compile(r"^\s*([-*+]|\d+\.) ")
_DRAWING = ("├", "│", "└")
_PROPERTIES = {"property", "cached_property", "setter", "overload"}


class Passage(NamedTuple):
    """A paragraph, an entry of a list, a comment or a message.

    Attributes:
        line: The line where it begins, from 1; for a docstring the line of its definition.
        kind: ``docstring``, ``comment``, ``message``, ``page`` or ``heading``.
        text: The words on one line, with every literal replaced by ``X``.
        opens: ``function`` or ``class`` for the first paragraph of the docstring of a public one, else empty.
    """

    line: int
    kind: str
    text: str
    opens: str = ""

    def sentences(self) -> list[str]:
        """Split the passage at full stops, question marks and exclamation marks."""
        return _END.split(self.text)


def of_python(source: str) -> Iterator[Passage]:
    """Yield the docstrings, comments and messages of a module."""
    tree = ast.parse(source)
    documented: set[int] = set()
    for node in ast.walk(tree):  # parents first, so a docstring is known before it is met as a string
        yield from _docstrings(node, documented)
        yield from _messages(node, documented)
    yield from _comments(source)


def of_page(text: str) -> Iterator[Passage]:
    """Yield the paragraphs, entries and cells of a page of Markdown."""
    spoken = _UNSPOKEN.sub(lambda match: "\n" * match[0].count("\n"), text)
    gathered: list[str] = []
    for number, line in enumerate([*spoken.splitlines(), ""], start=1):
        apart = line.startswith(("#", "|")) or not line.strip()
        if gathered and (apart or _BULLET.match(line)):
            yield Passage(number - len(gathered), "page", _plain(" ".join(gathered)))
            gathered = []
        if line.startswith("|"):
            yield from (Passage(number, "page", _plain(cell)) for cell in line.strip("|").split("|"))
        elif line.startswith("#"):
            yield Passage(number, "heading", _plain(line.lstrip("# ")))
        elif line.strip():
            gathered.append(_BULLET.sub("", line))


def _docstrings(node: ast.AST, documented: set[int]) -> Iterator[Passage]:
    """Yield the paragraphs of a node's docstring, and of strings that stand below an attribute."""
    body = getattr(node, "body", None)
    for place, statement in enumerate(body if isinstance(body, list) else ()):
        value = statement.value if isinstance(statement, ast.Expr) else None
        if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
            continue
        documented.add(id(value))
        opens = _opens(node) if place == 0 else ""
        for number, paragraph in enumerate(_paragraphs(value.value)):
            yield Passage(value.lineno, "docstring", _plain(paragraph), "" if number else opens)


def _opens(node: ast.AST) -> str:
    """Say whether a node is a public function or class; a property and a test are neither."""
    if isinstance(node, ast.ClassDef):
        return "" if node.name.startswith("_") else "class"
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith(("_", "test_")):
        return ""
    called = {ast.unparse(decorator).rsplit(".", 1)[-1] for decorator in node.decorator_list}
    return "" if called & _PROPERTIES else "function"


def _paragraphs(docstring: str) -> Iterator[str]:
    """Yield each paragraph and each entry of a section; leave out blocks of code."""
    gathered: list[str] = []
    section = False
    for line in [*cleandoc(docstring).splitlines(), ""]:
        section = bool(_SECTION.match(line)) or (section and bool(line))
        code = line.startswith(_DRAWING) or (line.startswith("    ") and not section)
        if gathered and (code or not line or _SECTION.match(line) or _BULLET.match(line) or _ENTRY.match(line.strip())):
            yield " ".join(gathered)
            gathered = []
        if line and not code and not _SECTION.match(line):
            gathered.append(_ENTRY.sub("", line.strip()) if section else _BULLET.sub("", line))


def _messages(node: ast.AST, documented: set[int]) -> Iterator[Passage]:
    """Yield a string of three or more words that is not a docstring."""
    if isinstance(node, ast.JoinedStr):
        documented.update(id(part) for part in node.values)
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
        text = node.value
    else:
        return
    if text.count(" ") >= 2 and "\n" not in text.strip():
        yield Passage(node.lineno, "message", _plain(text))


def _comments(source: str) -> Iterator[Passage]:
    """Yield each comment, with the lines of a block joined."""
    gathered: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or _MARK.match(token.string):
            continue
        alone = token.line.lstrip().startswith("#")
        if gathered and not (alone and token.start[0] == last + 1):
            yield Passage(first, "comment", _plain(" ".join(gathered)))
            gathered = []
        first, last = (first if gathered else token.start[0]), token.start[0]
        gathered.append(token.string.lstrip("# "))
    if gathered:
        yield Passage(first, "comment", _plain(" ".join(gathered)))


def _plain(text: str) -> str:
    """Return the words alone: no literals, no links, no emphasis."""
    shown = _LINK.sub(lambda match: match["shown"], text)
    return " ".join(_LITERAL.sub("X", shown).replace("*", "").split())
