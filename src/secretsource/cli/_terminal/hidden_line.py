"""Read one line at a prompt without showing it, and refuse a paste of several lines.

`getpass` takes the first line of a paste and drops the others without a word. A private key would be cut short so. On
POSIX it also reads another terminal than standard input, or shows what is typed. So it asks at a console of Windows
alone, and what a paste has left there is looked for.
"""

from __future__ import annotations

import os
import select
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer

from secretsource.cli._terminal.output import write

__all__ = ["hidden_line"]

LONGEST = 1024 if sys.platform == "darwin" else 4096
"""Bytes of a line, with its end, that a terminal takes; it drops those behind."""

END_OF_INPUT = "\x1a"
"""The text of Ctrl-Z at a console of Windows."""

PASTED = 0.1
"""Seconds within which the second line of a paste follows the first one; a person is slower."""


def hidden_line(prompt: str) -> str:
    """Ask for a line on standard input, which must be a terminal.

    Args:
        prompt: The question, which is written to standard error.

    Raises:
        typer.Abort: The input ended.
        typer.BadParameter: A terminal cannot take such a value.
    """
    return _console_line(prompt) if find_spec("termios") is None else _terminal_line(prompt)


def _terminal_line(prompt: str) -> str:
    """Ask at a terminal of POSIX."""
    import termios

    descriptor = sys.stdin.fileno()
    shown = termios.tcgetattr(descriptor)
    hidden = [*shown]
    hidden[3] &= ~termios.ECHO
    try:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, hidden)
        write(prompt, sys.stderr)
        line = os.read(descriptor, LONGEST)
        goes_on = bool(select.select([descriptor], [], [], PASTED)[0])
    finally:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, shown)  # drops the rest, which a shell would run
        write("\n", sys.stderr)
    return _checked(line, goes_on=goes_on)


def _console_line(prompt: str) -> str:
    """Ask at a console of Windows, which gives characters above U+FFFF in two halves."""
    import getpass

    console: Any = import_module("msvcrt")
    typed = getpass.getpass(prompt)
    if typed == END_OF_INPUT:
        raise typer.Abort
    time.sleep(PASTED)
    goes_on = bool(console.kbhit())
    while console.kbhit():
        console.getwch()
    line = typed.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass") + "\n"
    return _checked(line.encode("utf-8", "surrogatepass"), goes_on=goes_on)


def _checked(line: bytes, *, goes_on: bool) -> str:
    """Return the text of a line that was read."""
    if not line:
        raise typer.Abort
    if goes_on or len(line) >= LONGEST:
        raise typer.BadParameter(
            "the value has several lines, or is too long for a terminal: give it on standard input, as in  < FILE"
        )
    try:
        return line.removesuffix(b"\n").decode()
    except UnicodeDecodeError:
        pass  # this error holds the value
    raise typer.BadParameter("the value is not UTF-8 text: give it on standard input, as in  < FILE")
