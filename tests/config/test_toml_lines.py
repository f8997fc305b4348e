"""Every key of a TOML text is found on its line."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.config._lines import line_index, statements

DOCUMENT = '''\
# a comment with [brackets] and "quotes
top = 1

[server] # after a header
  host . name = "a#b" # after a value
  ports = [
    1, # ]
    2,
  ]
"quoted key".'literal [key]' = { inline = { deep = 1 }, other = "}" }
text = """
[not a table]
not_a_key = 1
ends with two quotes: """""
after = 1
\tliteral = \'\'\'
[neither]\'\'\'\'
last.'' = ''

[a.b.c]
x = 1
[a]
y = "\\" # no comment"
[["list" . of]]
z = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("server",), 4),
        (("server", "host"), 5),
        (("server", "host", "name"), 5),
        (("server", "ports"), 6),
        (("server", "quoted key"), 10),
        (("server", "quoted key", "literal [key]"), 10),
        (("server", "text"), 11),
        (("server", "after"), 15),
        (("server", "literal"), 16),
        (("server", "last", ""), 18),
        (("a", "b"), 20),
        (("a", "b", "c", "x"), 21),
        (("a",), 22),
        (("a", "y"), 23),
        (("list", "of"), 24),
        (("list", "of", "z"), 25),
    ],
)
def test_key_is_on_its_line(path: tuple[str, ...], line: int) -> None:
    """Tables, dotted and quoted keys, and what follows values of several lines, are where an editor shows them."""
    assert line_index(DOCUMENT)[path] == line


def test_nothing_inside_a_value_is_a_key() -> None:
    """Keys of inline tables, and text in strings and comments that looks like a key, have no line of their own."""
    parts = {part for path in line_index(DOCUMENT) for part in path}
    assert parts.isdisjoint({"inline", "deep", "other", "not a table", "not_a_key", "neither", "brackets"})


def test_line_ends_of_windows_count_once() -> None:
    """A file with CRLF has the same line numbers."""
    assert line_index(DOCUMENT.replace("\n", "\r\n")) == line_index(DOCUMENT)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "a = 1", "[a]"])
def test_short_texts_end(text: str) -> None:
    """A text without a last line end, or without any key, is no trouble."""
    assert set(line_index(text)) <= {("a",)}


KEYS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,4}", fullmatch=True),
    st.sampled_from(['"a b"', "'#'", '"]"', '"\\""', "'='", '"\\u00e9."', '""']),
)
VALUES = st.sampled_from(
    [
        "1",
        '"#"',
        "'[' # ]",
        "1979-05-27",
        '"""\n"\\"""" # "',
        "'''\n''x = 1\n'''",
        "[\n[1], # ]\n'a',\n]",
        "{ a = '}', b = [1] }",
        "[{ a.b = '''\n''' }]",
        '"\\\\"',
    ]
)
FILLERS = st.sampled_from(["", "\n", "# [x] = '\n", "  \t\n\n"])


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[tuple[str, ...], int]]:
    """A valid document and the line of every key and table that it writes, known from having written it."""
    text = ""
    lines: dict[tuple[str, ...], int] = {}
    for number in range(draw(st.integers(0, 4))):
        if number:
            text += draw(FILLERS) + " "
            lines[(f"table {number}",)] = text.count("\n") + 1
            text += draw(st.sampled_from(["[ 'table {}' ] # [\n", '["table {}"]\n', "[['table {}']]\n"])).format(number)
        for key in draw(st.lists(KEYS, max_size=4, unique_by=_name)):
            text += draw(FILLERS)
            table = (f"table {number}",) if number else ()
            dotted = draw(st.booleans())
            path = (*table, _name(key), "sub") if dotted else (*table, _name(key))
            lines[path] = text.count("\n") + 1
            text += f"{key}{' . sub' if dotted else ''} = {draw(VALUES)}\n"
    return text, lines


def _name(key: str) -> str:
    (name,) = tomllib.loads(f"{key} = 0")
    return name


@given(documents())
def test_any_document(document: tuple[str, dict[tuple[str, ...], int]]) -> None:
    """Whatever the mixture of keys, values and comments, each line is the one it was written on."""
    text, lines = document
    tomllib.loads(text)
    index = line_index(text)
    assert {path: index.get(path) for path in lines} == lines


@given(documents())
def test_every_parsed_key_has_a_line(document: tuple[str, dict[tuple[str, ...], int]]) -> None:
    """What the parser finds outside of arrays is in the index, itself or by what holds it."""
    text, _ = document
    index = line_index(text)

    def check(path: tuple[str, ...], node: dict[str, Any]) -> None:
        for key, value in node.items():
            here = (*path, key)
            assert any(here[:length] in index for length in range(1, len(here) + 1))
            if isinstance(value, dict):
                check(here, value)

    check((), tomllib.loads(text))


def test_a_table_of_an_array_is_found_by_its_place() -> None:
    """So that a mistake in the second one is not told with the line of the last one."""
    lines = line_index("[server]\n[[server.routes]]\npath = 1\n[[server.routes]]\npath = 2\n[other]\npath = 3\n")
    found = [lines["server", "routes", place, "path"] for place in (0, 1)]
    assert found == [3, 5]
    assert [lines["server", "routes", place] for place in (0, 1)] == [2, 4]
    assert lines["other", "path"] == 7


def test_a_statement_says_what_it_is() -> None:
    """A key, the header of a table, or that of one table of an array; a key inside has the place of its table."""
    text = "[[a]]\nx = 1\n[[a]]\nx = 2\n[b]\ny = 3\n"
    kinds = [(each.path, each.is_header, each.is_item) for each in statements(text)]
    assert kinds == [
        (("a",), True, True), (("a", "x"), False, False), (("a",), True, True), (("a", "x"), False, False),
        (("b",), True, False), (("b", "y"), False, False),
    ]  # fmt: skip
    lines = line_index(text)
    assert (lines["a", 0, "x"], lines["a", 1, "x"], lines["b", "y"]) == (2, 4, 6)
