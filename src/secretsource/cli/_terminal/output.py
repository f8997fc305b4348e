"""Write the output of the commands: tables on a terminal, tab-separated text in a pipe, JSON on request.

Every byte leaves through `write`. Cells and sentences are printable text: no answer of a provider can move the cursor
of a terminal, or start a new line in a pipe.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import typer

from secretsource.cli._terminal.exit_codes import CLOSED_PIPE
from secretsource.cli._terminal.sentence import for_a_person

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence
    from typing import TextIO

__all__ = ["is_asked", "is_terminal", "say", "show_table", "warn", "write", "write_json", "write_line"]


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def is_asked() -> bool:
    """Return whether standard input is a terminal, so that a person can answer a question."""
    return sys.stdin.isatty()


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], unbroken: Container[str] = ()) -> None:
    """Write rows under their columns: as a table on a terminal, else as lines of cells with tabs between them.

    Args:
        columns: The heading of each column.
        rows: The cells of each row, one for each column.
        unbroken: Columns whose cells stay on one line, so that people can copy them.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    if is_terminal():
        from secretsource.cli._terminal.table import drawn

        write(drawn(columns, cells, unbroken))
    else:
        write("".join("\t".join(row) + "\n" for row in [columns, *cells]))


def write_json(document: Any) -> None:
    """Write one JSON document, indented, in ASCII for any terminal and locale."""
    import json

    write_line(json.dumps(document, indent=2))


def write_line(text: str) -> None:
    """Write a line to standard output."""
    write(text + "\n")


def say(kind: str, sentence: str) -> None:
    """Write one sentence to standard error, after the word for its kind."""
    write(f"{kind}: {printable(for_a_person(sentence))}\n", sys.stderr)


def warn(sentence: str) -> None:
    """Write a warning to standard error."""
    say("warning", sentence)


def printable(text: str) -> str:
    """Put a text on one line, without control characters."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " if char.isspace() else "\ufffd" for char in text)


def write(content: str | bytes, stream: TextIO | None = None) -> None:
    """Write and flush; when the reader is gone, end the program quietly.

    Args:
        content: Bytes, or text, in which characters that the encoding of the stream lacks are escaped.
        stream: The stream; standard output if you give none.
    """
    target: TextIO = sys.stdout if stream is None else stream
    whole = content if isinstance(content, bytes) else content.encode(target.encoding, "backslashreplace")
    try:
        target.flush()
        target.buffer.write(whole)
        target.flush()
        return
    except OSError as error:
        failure = error
    # The rest of the buffer would fail again when the interpreter flushes it at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), target.fileno())
    raise typer.Exit(CLOSED_PIPE) if isinstance(failure, BrokenPipeError) else failure
