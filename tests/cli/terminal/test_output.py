"""Tables on a terminal, tab-separated text in a pipe, and nothing that moves a cursor."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import CANARY

from secretsource.cli._terminal import output, table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    OnTerminal = Callable[..., str]

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def on_terminal(environment: dict[str, str]) -> OnTerminal:
    """Run the command with a terminal for its output; what the terminal shows."""
    pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")

    def run(*arguments: str, columns: int = 200, **variables: str) -> str:
        ours, theirs = pty.openpty()
        size = {"COLUMNS": str(columns), "LINES": "40", "TERM": "xterm-256color"}
        with subprocess.Popen(
            [sys.executable, "-m", "secretsource", *arguments],
            env=environment | size | variables,
            stdout=theirs,
            stderr=theirs,
        ) as process:
            os.close(theirs)
            shown = b""
            while chunk := _read(ours):
                shown += chunk
            process.wait(60)
        os.close(ours)
        return shown.decode().replace("\r\n", "\n")

    return run


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux says that the other end is closed with an error
        return b""


def test_a_terminal_gets_a_table(project: Path, on_terminal: OnTerminal) -> None:
    """Columns are aligned under their heads, with a line between, and outcomes have colours."""
    shown = on_terminal("check")
    assert ANSI.search(shown)
    assert "\t" not in shown
    lines = ANSI.sub("", shown).splitlines()
    head = next(line for line in lines if "name" in line)
    row = next(line for line in lines if "TLS_KEY" in line)
    assert head.index("outcome") == row.index("found")
    assert any(set(line.strip()) == {"─"} for line in lines)


def test_an_empty_column_takes_no_room(project: Path, on_terminal: OnTerminal) -> None:
    """A terminal shows only the columns that say something; a pipe gets them all, so that their places are known."""
    assert "version" not in on_terminal("explain", "SESSION_KEY")
    assert "version" in on_terminal("explain", "TLS_KEY")


def test_no_colour_is_respected(project: Path, on_terminal: OnTerminal) -> None:
    """With NO_COLOR set, no colour is written."""
    shown = on_terminal("explain", "TLS_KEY", NO_COLOR="1")
    assert "TLS_KEY: found, served=live" in shown
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", shown)


def test_a_narrow_terminal_loses_nothing(project: Path, on_terminal: OnTerminal) -> None:
    """A cell that does not fit goes on in the next line; none is cut off."""
    name = "mounted_" * 6 + "end"
    shown = ANSI.sub("", on_terminal("explain", name, columns=60))
    assert "…" not in shown
    assert name in re.sub(r"\s", "", shown)


COLUMNS = ("key id", "owner", "name", "scopes")
ROWS = [
    ("4l1E1NWRz7SP8MWqAYEXBI", "acme", "", "customers:read invoices:read"),
    ("0XRqk9kamKMNESP177ifiK", "Acme of Delaware", "", "invoices:*"),
]


@pytest.mark.parametrize(("width", "is_table"), [(60, True), (52, True), (51, False), (40, False)])
def test_a_table_breaks_no_word(monkeypatch: pytest.MonkeyPatch, width: int, is_table: bool) -> None:
    """Where the longest words of all columns fit, there is a table; else, each row is a block of lines."""
    monkeypatch.setenv("COLUMNS", str(width))
    lines = table.drawn(COLUMNS, ROWS).splitlines()
    assert max(map(len, lines)) <= width
    assert [line for line in lines if "key id" in line] == ([lines[1]] if is_table else [])
    words = {word for row in ROWS for cell in row for word in cell.split()}
    assert words <= {word for line in lines for word in line.split()}


def test_a_block_is_a_heading_and_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block has the first cell as its heading, and a line for each cell that is not empty."""
    monkeypatch.setenv("COLUMNS", "40")
    lines = [line.rstrip() for line in table.drawn(COLUMNS, ROWS).splitlines()]
    assert lines[:4] == [
        "4l1E1NWRz7SP8MWqAYEXBI",
        "  owner   acme",
        "  scopes  customers:read invoices:read",
        "",
    ]


def test_two_columns_stay_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of fields and values is a table on any terminal; a long word of it is folded."""
    monkeypatch.setenv("COLUMNS", "30")
    lines = table.drawn(("field", "value"), [("metadata", "x" * 60)]).splitlines()
    assert lines[1].split() == ["field", "value"]
    assert "".join(lines).count("x") == 60


def test_a_terminal_gets_the_value_on_a_line(project: Path, on_terminal: OnTerminal) -> None:
    """`get` writes the same on a terminal as in a pipe."""
    assert on_terminal("get", "TLS_KEY") == f"{CANARY}-file\n"


def test_a_pipe_gets_plain_text(project: Path, spawn: Callable[..., Any]) -> None:
    """No ANSI, no wrapping and no padding, also where a CI system asks for colours."""
    done = spawn("check", FORCE_COLOR="1", COLUMNS="20")
    assert not ANSI.search(done.stdout)
    assert all(line.count("\t") == 6 for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain", "plain"), ("a\tb\nc", "a b c"), ("\x1b[31mred", "\ufffd[31mred"), ("\udcff", "\ufffd"), ("ü…", "ü…")],
)
def test_cells_are_printable(text: str, shown: str) -> None:
    """What a service calls a version cannot move the cursor, nor add a line or a cell."""
    assert output.printable(text) == shown


def test_a_stream_that_lacks_a_character() -> None:
    """A terminal that knows ASCII only gets the rest escaped."""
    written = io.BytesIO()
    terminal = io.TextIOWrapper(written, encoding="ascii")
    output.write("schlüssel\n", terminal)
    assert written.getvalue() == b"schl\\xfcssel\n"


@pytest.mark.parametrize("arguments", [("check",), ("get", "TLS_KEY"), ("init",), ("--version",)])
def test_a_reader_that_goes_away(project: Path, environment: dict[str, str], arguments: tuple[str, ...]) -> None:
    """A closed pipe ends the command quietly."""
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "secretsource", *arguments],
        env=environment,
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(theirs)
    said = [line for line in done.stderr.splitlines() if not line.startswith(b"configuration: ")]  # before the table
    assert (done.returncode, said) == (141, [])
